// What the tests of pages share: the built site on a sub-path, as a static host has it, and Chromium.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

export const WEB = fileURLToPath(new URL('..', import.meta.url));

/**
 * Serves folders, each under its path: `{'/sub/': 'dist'}`.
 * @param {Record<string, string>} folders Paths that end with a slash, folders relative to web/.
 */
export async function serve(folders) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://host');
    const mount = Object.keys(folders).find((path) => pathname.startsWith(path));
    const rest = mount && normalize(pathname.slice(mount.length) || 'index.html');
    try {
      if (!mount || rest.startsWith('..')) throw new Error('outside');
      const body = await readFile(join(WEB, folders[mount], rest));
      response.writeHead(200, { 'content-type': TYPES[extname(rest)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end('not found');
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}

/** @param {string[]} [flags] More of Chromium's. */
export function launch(flags = []) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...flags, '--no-sandbox', ...(flags.length > 0 ? [] : ['--disable-gpu']), '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** Errors of a page, and requests that left its own host; both should stay empty. */
export function watch(page, origin) {
  const faults = [];
  page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(blob|data):/.test(url)) faults.push(`request: ${url}`);
  });
  return faults;
}
