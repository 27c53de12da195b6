// What differs between browsers, Node, Deno and Bun.

const isNode =
  typeof process === 'object' &&
  typeof process?.versions?.node === 'string' &&
  typeof process.getBuiltinModule === 'function' &&
  !('Deno' in globalThis) &&
  !('Bun' in globalThis);

/**
 * One of Node's own modules, when this is Node. Not an import: bundlers for browsers would stumble over it.
 * @template {keyof import('./types.js').NodeModules} Name
 * @param {Name} name
 * @returns {import('./types.js').NodeModules[Name] | undefined}
 */
export function node(name) {
  return isNode ? /** @type {any} */ (process.getBuiltinModule(name)) : undefined;
}
