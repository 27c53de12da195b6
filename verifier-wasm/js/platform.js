// What differs between browsers, Node, Deno and Bun.

const isNode =
  typeof process === 'object' &&
  typeof process?.versions?.node === 'string' &&
  typeof process.getBuiltinModule === 'function' &&
  !('Deno' in globalThis) &&
  !('Bun' in globalThis);

/** @typedef {{'node:worker_threads': typeof import('node:worker_threads'), 'node:fs/promises': typeof import('node:fs/promises'), 'node:url': typeof import('node:url'), 'node:util': typeof import('node:util'), 'node:zlib': typeof import('node:zlib')}} NodeModules */

/**
 * One of Node's own modules, when this is Node. Not an import: bundlers for browsers would stumble over it.
 * @template {keyof NodeModules} Name
 * @param {Name} name
 * @returns {NodeModules[Name] | undefined}
 */
export function node(name) {
  return isNode ? /** @type {any} */ (process.getBuiltinModule(name)) : undefined;
}
