// Renders SPEC.md as spec.html beside the page, with an anchor for every numbered section, so that links work offline.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Marked } from 'marked';
import type { Plugin } from 'vite';

const SOURCE = fileURLToPath(new URL('../../SPEC.md', import.meta.url));
const STYLE = fileURLToPath(new URL('spec.css', import.meta.url));

/** The number that a heading or a bold run-in starts with, such as `I.2` or `II.6.3`. */
function sectionOf(text: string): string | undefined {
  return /^(I{1,2}(?:\.\d+)+)\b/.exec(text)?.[1];
}

/** `§I.2` in a text becomes a link to that section, `§II.9.1` likewise. */
function linked(html: string): string {
  return html.replace(/§(I{1,2}(?:\.\d+)+)/g, (all, section: string) => `<a href="#${section}">${all}</a>`);
}

export function renderSpec(markdown: string, policy: string): string {
  const marked = new Marked();
  marked.use({
    renderer: {
      heading({ tokens, depth, text }) {
        const section = sectionOf(text);
        return `<h${depth}${section ? ` id="${section}"` : ''}>${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      strong({ tokens, text }) {
        const section = sectionOf(text);
        return `<strong${section ? ` id="${section}"` : ''}>${this.parser.parseInline(tokens)}</strong>`;
      },
      // Wide tables scroll by themselves, with the keyboard too.
      table(token) {
        const row = (cells: typeof token.header, tag: string) =>
          `<tr>${cells.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join('')}</tr>`;
        const head = `<thead>${row(token.header, 'th scope="col"').replaceAll('</th scope="col">', '</th>')}</thead>`;
        const body = `<tbody>${token.rows.map((cells) => row(cells, 'td')).join('')}</tbody>`;
        return `<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>${head}${body}</table></div>\n`;
      },
    },
  });
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>sphere-pow: SPEC</title>
    <link rel="stylesheet" href="./spec.css" />
  </head>
  <body>
    <main>
${linked(marked.parse(markdown, { async: false }))}
    </main>
  </body>
</html>
`;
}

const POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'";

export function spec(): Plugin {
  const files = () => ({
    'spec.html': renderSpec(readFileSync(SOURCE, 'utf8'), POLICY),
    'spec.css': readFileSync(STYLE, 'utf8'),
  });
  return {
    name: 'spec',
    generateBundle() {
      for (const [fileName, source] of Object.entries(files())) this.emitFile({ type: 'asset', fileName, source });
    },
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const name = request.url?.split('?')[0]?.slice(1) as 'spec.html' | 'spec.css';
        const source = files()[name];
        if (source === undefined) return next();
        response.setHeader('content-type', name.endsWith('css') ? 'text/css' : 'text/html; charset=utf-8');
        response.end(source);
      });
    },
  };
}
