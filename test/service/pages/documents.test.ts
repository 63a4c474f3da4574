import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import { DocumentLibrary } from '../../../src/service/pages/documents/library.js';
import { renderMarkdown, sectionsOf } from '../../../src/service/pages/documents/markdown.js';
import { SearchIndex } from '../../../src/service/pages/documents/search-index.js';

const rendered = (text: string, path = 'docs/a.md') =>
  String(
    renderMarkdown(text, path, (to) => (to === 'docs/b.md' ? '/docs/b' : undefined)).body,
  ).trim();

describe('a document', () => {
  it.each([
    ['<script>alert(1)</script>', '&lt;script&gt;'],
    ['a <img src=x onerror=alert(1)> b', '&lt;img'],
    ['<!-- given: a.csv --><b>x</b>', '&lt;b&gt;'],
    ['`<b>`', '<code>&lt;b&gt;</code>'],
    ['```"><script>\n<b>\n```', 'data-lang="&quot;&gt;&lt;script&gt;"'],
    ['# <b>x</b>', '&lt;b&gt;'],
    ['| <i>a</i> |\n| --- |\n| <u>b</u> |', '&lt;u&gt;'],
    ['[x](b.md "&quot; onclick=&quot;x")', '<a href="/docs/b">x</a>'],
    ['[<b>](b.md#"><i>)', '&lt;b&gt;'],
  ])('%s is text, and no markup of its own', (text, shown) => {
    const html = rendered(text);
    expect(html).toContain(shown);
    expect(html).not.toMatch(/<(?:script|img|b|i|u)\b|<[^>]*\son\w+=/);
  });

  it('leaves comments out', () => {
    expect(rendered('<!-- not run: it\ntakes long -->\ntext')).toBe('<p>text</p>');
    expect(rendered('a <!-- b --> c')).toBe('<p>a  c</p>');
  });

  it.each([
    ['b.md', '<a href="/docs/b">x</a>'],
    ['./b.md#c', '<a href="/docs/b#c">x</a>'],
    ['../docs/b.md', '<a href="/docs/b">x</a>'],
    ['#c', '<a href="#c">x</a>'],
    ['https://example.org/?a=b&c', '<a href="https://example.org/?a=b&amp;c">x</a>'],
    ['/v1/docs', '<a href="/v1/docs">x</a>'],
    ['../src/a.ts', 'x'],
    ['../../../etc/passwd', 'x'],
    ['b%2Emd', '<a href="/docs/b">x</a>'],
    ['%E0%A4%A', 'x'],
    ['javascript:alert(1)', 'x'],
    ['JaVaScRiPt:alert(1)', 'x'],
    ['data:text/html,x', 'x'],
    ['//evil.example', 'x'],
  ])('links to %s as %s', (to, shown) => {
    expect(rendered(`[x](<${to}>)`)).toBe(`<p>${shown}</p>`);
  });

  it('has the anchors of GitHub, also for a heading that stands twice', () => {
    const text = '# T\n## A `b` [c](d.md), e\n## Same\n## Same\n';
    expect(sectionsOf(text).map(({ anchor }) => anchor)).toEqual([
      't',
      'a-b-c-e',
      'same',
      'same-1',
    ]);
    expect(rendered(text)).toContain('<h2 id="same-1">Same <a class="anchor" href="#same-1"');
  });
});

describe('the library', () => {
  it('has every document, each with a title, and each link leads to a heading that is there', async () => {
    const library = new DocumentLibrary();
    const names = readdirSync(join(packageRoot, 'docs')).flatMap((name) =>
      name.endsWith('.md') ? name.slice(0, -3) : [],
    );
    const listed = String((await library.contents()).body);
    const anchors = new Map<string, ReadonlySet<string>>();
    const links: string[] = [];
    for (const name of [...names, 'README', 'CONTRIBUTING', 'SECURITY']) {
      const document = await library.document(name);
      if (!document) throw new Error(`${name} is missing`);
      expect(document.title).not.toMatch(/\.md$/);
      if (names.includes(name)) expect(listed).toContain(`href="/docs/${name}"`);
      const html = String(document.body);
      anchors.set(name, new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)));
      links.push(...[...html.matchAll(/href="\/docs\/([\w-]+#[^"]+)"/g)].map(([, to]) => to));
      for (const [, image] of html.matchAll(/<img src="\/docs\/images\/([^"]+)"/g))
        expect(library.image(image)).toBeDefined();
    }
    expect(links.length).toBeGreaterThan(40);
    const dead = links.filter((link) => {
      const [name, anchor] = link.split('#');
      return !anchors.get(name)?.has(decodeURIComponent(anchor));
    });
    expect(dead).toEqual([]);
  });

  it('has nothing else', async () => {
    const root = await mkdtemp(join(tmpdir(), 'ventral-docs-'));
    await mkdir(join(root, 'docs', 'images'), { recursive: true });
    for (const file of [
      'secret.md',
      'docs/a.md',
      'docs/a.txt',
      'docs/images/a.png',
      'docs/images/b',
    ])
      await writeFile(join(root, file), '# A');
    const library = new DocumentLibrary(root);
    expect((await library.document('a'))?.title).toBe('A');
    for (const name of ['secret', '../secret', 'a.txt', 'images', '', '.', '__proto__', 'README'])
      expect(library.document(name)).toBeUndefined();
    expect(library.image('a.png')).toBe(join(root, 'docs', 'images', 'a.png'));
    for (const name of ['b', '../a.md', '..', '']) expect(library.image(name)).toBeUndefined();
    await rm(root, { recursive: true });
  });
});

describe('the search', () => {
  it('finds the explanation of a term first, whatever its number or case', async () => {
    const index = await new DocumentLibrary().index();
    for (const [query, address] of [
      ['ceiling', '/docs/terms#ceiling'],
      ['CEILINGS', '/docs/terms#ceiling'],
      ['visual degrees', '/docs/terms#visual-degrees'],
      ['neuroid', '/docs/terms#neuroid'],
    ])
      expect(index.search(query)[0].address).toBe(address);
  });

  it('wants every word, takes the beginning of one, and shows where it stands', () => {
    const index = new SearchIndex();
    const entry = { document: 'D', heading: 'H' };
    index.add({ ...entry, address: '1', words: 'The median over neuroids of each animal.' });
    index.add({ ...entry, address: '2', words: 'The median over images.' });
    expect(index.search('median neuro').map(({ address }) => address)).toEqual(['1']);
    expect(
      index
        .search('median')
        .map(({ address }) => address)
        .toSorted(),
    ).toEqual(['1', '2']);
    expect(index.search('neuro')[0].excerpt.filter(({ hit }) => hit)).toEqual([
      { text: 'neuroids', hit: true },
    ]);
    for (const query of ['', ' ', '(.*)', '…', 'median absent'])
      expect(index.search(query)).toEqual([]);
  });
});

it('each term that a page uses has its entry, and every entry is a word or two', () => {
  const web = join(packageRoot, 'src', 'web');
  const sources = readdirSync(web, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.tsx'))
    .map((file) => readFileSync(join(web, file), 'utf8'));
  const names = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, of]) => of);
  const used = sources.flatMap((text) => names(text, /<Term of="([^"]+)"/g));
  const declared = sources.flatMap((text) => names(text, /^ {2}\| '([\w-]+)'/gm));
  const entries = sectionsOf(readFileSync(join(packageRoot, 'docs', 'terms.md'), 'utf8'));
  const known = new Set(entries.map(({ anchor }) => anchor));
  expect(new Set(used).size).toBeGreaterThan(15);
  expect([...used, ...declared].filter((of) => !known.has(of))).toEqual([]);
  expect(entries.filter(({ text }) => text.split(' ').length > 3)).toEqual([]);
});
