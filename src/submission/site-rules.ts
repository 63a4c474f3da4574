import type { ArchiveEntry } from './archive-directory.js';
import type { Findings } from './finding.js';
import { SITE_LIMIT, TUTORIAL } from './site-limits.js';

/** Kinds of plugins, with the registries that the site and core know them by. */
export const pluginTypes: Readonly<Record<string, string>> = {
  models: 'model_registry',
  benchmarks: 'benchmark_registry',
  data: 'data_registry',
  metrics: 'metric_registry',
};

/** A plugin directory of an archive: `<root>/<type>/<name>/`. */
export interface Plugin {
  readonly type: string;
  readonly name: string;
  /** Its path, with a slash at the end. */
  readonly path: string;
}

/** What both the site and core look at. */
export interface Submission {
  readonly entries: readonly ArchiveEntry[];
  /** Texts by name. */
  readonly texts: ReadonlyMap<string, Buffer>;
}

/** Rules of the upload for every archive, in the order of the site. */
export function checkUpload(
  size: number,
  entries: readonly ArchiveEntry[],
  findings: Findings,
): void {
  if (size > SITE_LIMIT)
    findings.add(
      'site-size',
      '',
      `has ${size} bytes; the site accepts ${SITE_LIMIT} (50 MB): store the weights at a URL`,
    );
  for (const { name } of entries) {
    if (name.includes(' ')) findings.add('site-space', name, 'has a space in its path');
    if (/metadata\.ya?ml$/.test(name.toLowerCase()))
      findings.add(
        'site-metadata',
        name,
        'is a metadata file, which the upload refuses; keep it outside the archive',
      );
  }
}

const slashes = (name: string) => name.split('/').length - 1;

/** The layout `<root>/<type>/<plugin>/…`, with an entry for each folder. */
export function checkLayout({ entries }: Submission, findings: Findings): Plugin[] {
  const root = entries[0]?.name.split('/')[0] ?? '';
  checkRoot(entries, root, findings);
  const folders = entries.filter(({ isFolder, name }) => isFolder && slashes(name) === 2);
  const kinds = [...new Set(folders.map(({ name }) => name.split('/')[1].toLowerCase()))].filter(
    (kind) => Object.hasOwn(pluginTypes, kind),
  );
  if (kinds.length === 0) {
    findings.add('site-no-plugin-folder', `${root}/`, noFolder(entries, root));
    return [];
  }
  const plugins = kinds.flatMap((type) => pluginsOf(entries, type));
  if (plugins.length === 0)
    findings.add(
      'site-empty-plugin',
      `${root}/${kinds[0]}/`,
      'has no entry for a plugin folder: folders need their own entries (zip -r writes them)',
    );
  for (const plugin of plugins) checkFiles(entries, plugin, findings);
  return plugins;
}

function checkRoot(entries: readonly ArchiveEntry[], root: string, findings: Findings): void {
  for (const { name } of entries) {
    if (!name.includes('/'))
      findings.add('site-loose-file', name, 'is in no folder, which makes the site check fail');
    else if (name.split('/')[0] !== root)
      findings.add('site-root', name, `is outside ${root}/, the folder of the first entry`);
  }
}

function noFolder(entries: readonly ArchiveEntry[], root: string): string {
  const implied = entries.some(({ name }) => Object.hasOwn(pluginTypes, name.split('/')[1] ?? ''));
  const names = Object.keys(pluginTypes).join(', ');
  return implied
    ? `has a plugin folder without its own entry: the site sees only entries such as ${root}/models/ (zip -r writes them)`
    : `has none of the folders ${names}`;
}

function pluginsOf(entries: readonly ArchiveEntry[], type: string): Plugin[] {
  return entries
    .filter(({ isFolder, name }) => isFolder && slashes(name) === 3 && name.split('/')[1] === type)
    .map(({ name }) => ({ type, name: name.split('/')[2], path: name }));
}

/** The site matches the folder name at any depth. */
function checkFiles(
  entries: readonly ArchiveEntry[],
  { name: plugin, path }: Plugin,
  findings: Findings,
): void {
  const files = new Set(
    entries
      .map(({ name }) => name.split('/'))
      .filter((parts) => parts.at(-2) === plugin)
      .map((parts) => parts.at(-1)),
  );
  const missing = ['__init__.py', 'test.py'].filter((name) => !files.has(name));
  if (missing.length > 0)
    findings.add('site-missing-files', path, `lacks ${missing.join(' and ')}`);
}

/** Identifiers as the site finds them: in `__init__.py` of the plugins. */
export function checkIdentifiers(
  { texts, entries }: Submission,
  plugins: readonly Plugin[],
  findings: Findings,
): void {
  const all = new Set<string>();
  for (const { name } of entries) {
    const [, type, , file, ...deeper] = name.split('/');
    if (file !== '__init__.py' || deeper.length > 0 || !Object.hasOwn(pluginTypes, type)) continue;
    const text = utf8(texts.get(name));
    if (text !== undefined)
      for (const found of checkModule(text, name, pluginTypes[type], findings))
        all.add(`${type} ${found}`);
    else if (texts.has(name)) findings.add('site-not-utf8', name, 'is not text in UTF-8');
  }
  for (const { name, path } of plugins)
    if (name.includes(TUTORIAL))
      findings.add('site-tutorial', path, 'bears the name of the model of the tutorial');
  if (all.size <= 1) return;
  const some = [...all].slice(0, 5).join(', ');
  const message = `registers ${all.size} identifiers (${some}); the maximum is 1`;
  findings.add('site-too-many-identifiers', '', message);
}

/** The identifiers of one module, each held against the rules. */
function checkModule(
  text: string,
  name: string,
  registry: string,
  findings: Findings,
): readonly string[] {
  const identifiers = siteIdentifiers(text, registry);
  for (const identifier of identifiers) {
    if (identifier.includes('-'))
      findings.add(
        'site-hyphen',
        name,
        `registers '${identifier}': an identifier must not contain "-"`,
      );
    if (identifier.includes(TUTORIAL))
      findings.add('site-tutorial', name, `registers '${identifier}', the model of the tutorial`);
  }
  const hidden = new RegExp(`${registry}\\["([^"]+)"\\]`).exec(text)?.[1];
  const message = `registers "${hidden}" in double quotes, which the site does not see; use single ones`;
  if (hidden !== undefined) findings.add('site-quotes', name, message);
  return identifiers;
}

/** Text in single quotes, not after a #. */
function siteIdentifiers(text: string, registry: string): string[] {
  const pattern = new RegExp(`${registry}\\['(.+?)'\\]`, 'g');
  return linesOf(text).flatMap((line) =>
    [...line.split('#', 1)[0].matchAll(pattern)].map((found) => found[1]),
  );
}

/** Where a line of code is cut off: looking for brackets in one of a million characters would take minutes. */
const LONGEST_LINE = 2000;

/** Lines of a text, as Python reads them. */
export const linesOf = (text: string): string[] =>
  text.split(/\r\n|\r|\n/).map((line) => line.slice(0, LONGEST_LINE));

/** Text of a file; undefined if it is not UTF-8, or not there. */
export function utf8(bytes: Buffer | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
