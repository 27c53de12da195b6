// A script to run as a module worker; it exports nothing. Pass a worker of it as the option `worker`.
export {};
