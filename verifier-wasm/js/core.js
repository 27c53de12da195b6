// Everything that the entries share, in one file: they are thin, and errors of one class whatever the entry.

export { api, noWasm } from './api.js';
export { ERROR_CODES, SpherePowError, aborted, failure, shown } from './errors.js';
export { guarded } from './input.js';
export { hasSimd, inflate } from './loader.js';
