//! The `sphere-pow` command.

fn main() -> std::process::ExitCode {
    // Mesa's layer that puts the display's adapter first asks the display which that is, and complains on standard error
    // where there is none: in services, in cron, in containers. Whoever uses the layer keeps it.
    let is_used =
        ["NODEVICE_SELECT", "MESA_VK_DEVICE_SELECT"].iter().any(|name| std::env::var_os(name).is_some());
    if !is_used {
        // SAFETY: no other thread has been started yet, so nobody reads the environment meanwhile.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
    sphere_pow_prover::commands::main()
}
