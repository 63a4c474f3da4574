import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { packageRoot } from '../../../formats/package-root.js';
import { type Rendered, renderMarkdown, sectionsOf } from './markdown.js';
import { SearchIndex } from './search-index.js';

/** Documents of the project that stand outside `docs/`. */
const OUTSIDE = ['README', 'CONTRIBUTING', 'SECURITY'];

/** The heading of the README under which every document is listed. */
const CONTENTS = '\n## Documentation\n';

/** Addresses of files that documents link to and others serve. */
const ELSEWHERE: Readonly<Record<string, string>> = { 'openapi.yaml': '/v1/openapi.yaml' };

/**
 * The documents that the service shows, and the images in them: those of the list that is made at the start and no
 * other file, whatever an address says. Each is read and rendered once, when it is first asked for.
 */
export class DocumentLibrary {
  /** Paths from the root of the project, by the name in the address. */
  readonly #documents: ReadonlyMap<string, string>;
  readonly #images: ReadonlySet<string>;
  readonly #rendered = new Map<string, Promise<Rendered>>();
  readonly #root: string;
  #contents: Promise<Rendered> | undefined;
  #index: Promise<SearchIndex> | undefined;

  constructor(root = packageRoot) {
    this.#root = root;
    const named = (folder: string, pattern: RegExp) =>
      (existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : []).filter((name) =>
        pattern.test(name),
      );
    this.#documents = new Map([
      ...named('docs', /^[\w-]+\.md$/).map((name) => [name.slice(0, -3), `docs/${name}`] as const),
      ...OUTSIDE.filter((name) => existsSync(join(root, `${name}.md`))).map(
        (name) => [name, `${name}.md`] as const,
      ),
    ]);
    this.#images = new Set(named('docs/images', /^[\w.-]+\.(?:png|svg|jpe?g)$/));
  }

  /** @returns undefined for a name that no document has */
  document(name: string): Promise<Rendered> | undefined {
    const path = this.#documents.get(name);
    if (path === undefined) return undefined;
    const made = this.#rendered.get(name) ?? this.#render(path);
    this.#rendered.set(name, made);
    return made;
  }

  /** Every document under its topic: the table of the README. */
  contents(): Promise<Rendered> {
    this.#contents ??= this.#read('README.md').then((text) => {
      const [table = ''] = (text.split(CONTENTS)[1] ?? '').split('\n## ');
      return renderMarkdown(table, 'README.md', (path) => this.#addressOf(path));
    });
    return this.#contents;
  }

  /** @returns the path of an image of `docs/images`; undefined for any other name */
  image(name: string): string | undefined {
    return this.#images.has(name) ? join(this.#root, 'docs', 'images', name) : undefined;
  }

  /** The index of all sections, made once, a document a turn of the event loop. */
  index(): Promise<SearchIndex> {
    this.#index ??= this.#makeIndex();
    return this.#index;
  }

  async #makeIndex(): Promise<SearchIndex> {
    const index = new SearchIndex();
    for (const [name, path] of this.#documents) {
      const sections = sectionsOf(await this.#read(path));
      const title = sections[0]?.text ?? name;
      for (const section of sections)
        index.add({
          address: section.depth === 1 ? `/docs/${name}` : `/docs/${name}#${section.anchor}`,
          document: title,
          heading: section.text,
          words: section.words,
        });
      await nextTurn();
    }
    return index;
  }

  async #render(path: string): Promise<Rendered> {
    return renderMarkdown(await this.#read(path), path, (to) => this.#addressOf(to));
  }

  #read(path: string): Promise<string> {
    return readFile(join(this.#root, path), 'utf8');
  }

  #addressOf(path: string): string | undefined {
    const [, name] = /^(?:docs\/)?([\w-]+)\.md$/.exec(path) ?? [];
    if (name !== undefined && this.#documents.get(name) === path) return `/docs/${name}`;
    const [, image] = /^docs\/images\/([^/]+)$/.exec(path) ?? [];
    if (image !== undefined && this.#images.has(image)) return `/docs/images/${image}`;
    return Object.hasOwn(ELSEWHERE, path) ? ELSEWHERE[path] : undefined;
  }
}
