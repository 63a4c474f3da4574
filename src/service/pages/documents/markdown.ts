import { posix } from 'node:path';
import { Marked, type RendererObject, type Token, type Tokens } from 'marked';
import { Html, html } from '../../../report/html.js';

/** A document as HTML. */
export interface Rendered {
  readonly title: string;
  readonly body: Html;
  /** The headings below the title, in their order. */
  readonly headings: readonly Heading[];
}

export interface Heading {
  readonly depth: number;
  /** Without markup. */
  readonly text: string;
  /** The fragment that leads to it, as GitHub makes it. */
  readonly anchor: string;
}

/** A part of a document from one heading to the next, as plain text. */
export interface Section extends Heading {
  readonly words: string;
}

/**
 * Where a link or an image of a document leads on the pages.
 * @param path from the root of the project
 * @returns undefined for a file that is not served
 */
export type AddressOf = (path: string) => string | undefined;

/**
 * Markdown as HTML: comments are left out, any other raw HTML is shown as text.
 * @param path of the document, from the root of the project
 */
export function renderMarkdown(text: string, path: string, addressOf: AddressOf): Rendered {
  const marked = new Marked();
  const tokens = marked.lexer(text);
  const sections = sectionsIn(tokens);
  marked.use({ renderer: renderer(sections, path, addressOf) });
  const body = Html.trusted(marked.parser(tokens));
  return {
    title: sections.find(({ depth }) => depth === 1)?.text ?? path,
    body,
    headings: sections.filter(({ depth }) => depth > 1),
  };
}

/** The sections of a document, the words before its first heading among those of the title. */
export const sectionsOf = (text: string): Section[] => sectionsIn(new Marked().lexer(text));

function sectionsIn(tokens: readonly Token[]): Section[] {
  const anchors = new Map<string, number>();
  const sections: { depth: number; text: string; anchor: string; words: string }[] = [];
  for (const token of tokens) {
    if (token.type === 'heading') {
      const { depth, text: markup, tokens: inside } = token as Tokens.Heading;
      const anchor = anchorOf(markup);
      const before = anchors.get(anchor) ?? 0;
      anchors.set(anchor, before + 1);
      const unique = before > 0 ? `${anchor}-${before}` : anchor;
      sections.push({ depth, text: plainText(inside), anchor: unique, words: '' });
    } else {
      const last = sections.at(-1);
      if (last) last.words += `${plainText([token])} `;
    }
  }
  return sections;
}

/** The fragment that GitHub gives a heading. */
const anchorOf = (heading: string) =>
  heading
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

function plainText(tokens: readonly Token[]): string {
  return tokens
    .map((token) => {
      if (token.type === 'html' || token.type === 'space') return ' ';
      if (token.type === 'list') return (token as Tokens.List).items.map(itemText).join(' ');
      if (token.type === 'table') {
        const { header, rows } = token as Tokens.Table;
        return [header, ...rows].flat().map(itemText).join(' ');
      }
      const inner = 'tokens' in token ? token.tokens : undefined;
      return inner ? plainText(inner) : 'text' in token ? String(token.text) : ' ';
    })
    .join('');
}

const itemText = ({ tokens }: { readonly tokens: Token[] }) => plainText(tokens);

const escaped = (text: string) => String(html`${text}`);

/** What differs from the library's own rendering; it escapes text, and this does. */
function renderer(
  sections: readonly Section[],
  path: string,
  addressOf: AddressOf,
): RendererObject<string, string> {
  let headings = 0;
  let tables = 0;
  return {
    html: ({ text }) => (/^\s*<!--[\s\S]*-->\s*$/.test(text) ? '' : escaped(text)),
    heading({ tokens, depth }) {
      const { anchor, text } = sections[headings++] ?? { anchor: '', text: '' };
      const inner = this.parser.parseInline(tokens);
      if (depth === 1) return `<h1 id="${anchor}">${inner}</h1>\n`;
      const link = html`<a class="anchor" href="#${anchor}" aria-label="Link to ${text}">#</a>`;
      return `<h${depth} id="${anchor}">${inner} ${link}</h${depth}>\n`;
    },
    code({ text, lang = '' }) {
      return `<pre tabindex="0" data-lang="${escaped(lang)}"><code>${escaped(text)}</code></pre>\n`;
    },
    table({ header, rows }) {
      const cells = (tag: 'td' | 'th', row: readonly Tokens.TableCell[]) =>
        row
          .map(({ tokens, align }) => {
            const side = align === 'right' ? ' class="number"' : '';
            return `<${tag}${side}>${this.parser.parseInline(tokens)}</${tag}>`;
          })
          .join('');
      const body = rows.map((row) => `<tr>${cells('td', row)}</tr>\n`).join('');
      // By number, because the names of regions are to differ.
      return `<section class="scroll" tabindex="0" aria-label="Table ${++tables}"><table><thead><tr>${cells('th', header)}</tr></thead><tbody>${body}</tbody></table></section>\n`;
    },
    link({ href, tokens }) {
      const inner = this.parser.parseInline(tokens);
      const to = targetOf(href, path, addressOf);
      return to === undefined ? inner : `<a href="${escaped(to)}">${inner}</a>`;
    },
    image({ href, text }) {
      const to = targetOf(href, path, addressOf);
      return to === undefined || !to.startsWith('/')
        ? escaped(text)
        : String(html`<img src="${to}" alt="${text}" loading="lazy">`);
    },
  };
}

/** Where a link leads: elsewhere as it says, in the project to what is served of it. */
function targetOf(href: string, path: string, addressOf: AddressOf): string | undefined {
  if (/^(?:#|https?:\/\/|mailto:|\/(?!\/))/.test(href)) return href;
  if (/^[a-z][a-z\d+.-]*:|^\/\//i.test(href)) return undefined;
  const [file, ...fragment] = href.split('#');
  const address = addressOf(posix.join(posix.dirname(path), decoded(file)));
  return address === undefined ? undefined : [address, ...fragment].join('#');
}

function decoded(text: string): string {
  try {
    return decodeURI(text);
  } catch {
    return text;
  }
}
