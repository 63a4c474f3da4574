import { stringify } from 'yaml';
import { parseLimitedYaml, repeatedKey } from '../formats/yaml/limited-yaml.js';
import type { Findings } from './finding.js';
import { metadataFaults } from './metadata-file.js';
import { REGIONS } from './site-limits.js';
import { linesOf, type Plugin, pluginTypes, type Submission, utf8 } from './site-rules.js';

/** Core's own checks of plugins: discovery by text, test files, environments, maps (spec §8.1, §8.4). */
export function checkPlugins(
  submission: Submission,
  plugins: readonly Plugin[],
  findings: Findings,
): void {
  const registered = new Map<string, string>();
  for (const plugin of plugins) {
    const { name, path, type } = plugin;
    if (/^[._]/.test(name))
      findings.add('core-plugin-name', path, 'starts with . or _ and is skipped');
    const identifiers = checkRegistry(submission, plugin, findings);
    for (const identifier of identifiers) {
      const other = registered.get(`${type} ${identifier}`);
      if (other && other !== path)
        findings.add('core-registered-twice', path, `registers '${identifier}', as ${other} does`);
      registered.set(`${type} ${identifier}`, path);
    }
    checkTests(submission, plugin, findings);
    checkEnvironment(submission, plugin, findings);
    if (type === 'models') checkMaps(submission, plugin, identifiers, findings);
  }
  checkPluginOnly(submission, findings);
}

/** Core looks for the literal in each line, in either quotes, comments not left out. */
function checkRegistry({ texts }: Submission, plugin: Plugin, findings: Findings): string[] {
  const registry = pluginTypes[plugin.type];
  const file = `${plugin.path}__init__.py`;
  const text = utf8(texts.get(file));
  if (text === undefined) return [];
  const identifiers: string[] = [];
  for (const line of linesOf(text)) {
    const plain = line.replaceAll('"', "'");
    const found = [...plain.matchAll(new RegExp(`${registry}\\['([^']+)'\\]`, 'g'))];
    identifiers.push(...found.map((each) => each[1]));
    checkLine(plain, registry, found[0]?.[1], (what) =>
      findings.add('core-registry-line', file, what),
    );
  }
  const others = plugin.type === 'data' && /stimulus_set_registry\[/.test(text);
  if (identifiers.length === 0 && !others)
    findings.add(
      'core-not-discoverable',
      file,
      `has no line with a literal ${registry}['identifier']: registrations in a loop or an f-string are not found`,
    );
  return [...new Set(identifiers)];
}

/** To know what to score, core takes all from the first to the last bracket of such a line. */
function checkLine(
  line: string,
  registry: string,
  identifier: string | undefined,
  refuse: (what: string) => void,
): void {
  const all = new RegExp(`${registry}\\[.*\\]`).exec(line)?.[0];
  if (all === undefined) {
    if (line.includes(`${registry}[`))
      refuse(`has a line in which ${registry}[ is not closed, which makes core fail`);
    return;
  }
  const read = all.slice(registry.length + 2, -2);
  if (line.trimStart().startsWith('#'))
    refuse(`names '${read}' in a comment, and core would score it`);
  else if (identifier !== undefined && read !== identifier)
    refuse(
      `has another ] in the line of '${identifier}', so that core reads the identifier as ${read.slice(0, 100)}`,
    );
}

function checkTests({ entries }: Submission, { path }: Plugin, findings: Findings): void {
  const isTest = (name: string) =>
    name.startsWith(path) && /^test.*\.py/.test(name.slice(path.length));
  if (!entries.some(({ name }) => isTest(name)))
    findings.add('core-test-file', path, 'has no file test….py');
}

/** Bytes of YAML that are read: reading takes more than linear time. */
export const LARGEST_YAML = 64 * 2 ** 10;

/** Core looks for words in the text that PyYAML writes of the file. */
function checkEnvironment({ texts }: Submission, { path }: Plugin, findings: Findings): void {
  const file = `${path}environment.yml`;
  const bytes = texts.get(file);
  if (bytes === undefined) return;
  const refuse = (what: string) => findings.add('core-environment', file, what);
  if (bytes.length > LARGEST_YAML) {
    refuse(`has ${bytes.length} bytes`);
    return;
  }
  const dumped = dumpedYaml(bytes.toString('utf8'));
  if (dumped === undefined) {
    refuse('is not YAML');
    return;
  }
  if (dumped.includes('name'))
    refuse('must not contain the text "name", not even inside another word');
  const versions = dumped.split('\n').filter((line) => line.includes('python='));
  if (versions.length > 1) refuse(`asks for ${versions.length} versions of Python`);
  const [version] = versions.map((line) => line.split('python=')[1]);
  if (versions.length === 1 && !version.startsWith('3.11'))
    refuse(`asks for Python ${version}; core runs 3.11`);
}

/** The text that comes of reading YAML and writing it again; undefined if it is none. */
function dumpedYaml(text: string): string | undefined {
  try {
    const document = parseLimitedYaml(text);
    if (document.errors.length > 0 || repeatedKey(document)) return undefined;
    return stringify(document.toJS({ maxAliasCount: 100 }));
  } catch {
    return undefined;
  }
}

function checkMaps(
  { entries, texts }: Submission,
  { path }: Plugin,
  identifiers: readonly string[],
  findings: Findings,
): void {
  const folder = `${path}region_layer_map/`;
  const files = entries.filter(({ name, isFolder }) => name.startsWith(folder) && !isFolder);
  for (const { name } of files) {
    const identifier = name.slice(folder.length).replace(/\.json$/, '');
    if (!identifiers.includes(identifier))
      findings.add(
        'vision-map-name',
        name,
        `is not named after what the plugin registers (${identifiers.join(', ')}), and is not read`,
      );
    const fault = mapFault(utf8(texts.get(name)));
    if (fault)
      findings.add(
        'vision-map',
        name,
        `${fault}; Brain-Score then chooses layers itself, without a word`,
      );
  }
  if (files.length === 0)
    findings.add(
      'vision-no-map',
      path,
      'has no region_layer_map/<identifier>.json: Brain-Score chooses the layers on its public benchmarks',
    );
}

function mapFault(text: string | undefined): string | undefined {
  if (text === undefined) return 'is not text in UTF-8';
  let map: unknown;
  try {
    map = JSON.parse(text);
  } catch (error) {
    return `is not JSON: ${(error as Error).message}`;
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return 'is not a JSON object';
  const missing = REGIONS.filter((region) => !Object.hasOwn(map, region));
  if (missing.length > 0) return `has no layer for ${missing.join(', ')}`;
  const isLayer = (value: unknown) => typeof value === 'string' && value !== '';
  const wrong = Object.entries(map).find(
    ([, value]) =>
      !isLayer(value) && !(Array.isArray(value) && value.length > 0 && value.every(isLayer)),
  );
  return wrong && `should give a layer's name, or several, for ${wrong[0]}`;
}

/** A pull request that touches anything else is not merged by itself. */
function checkPluginOnly({ entries }: Submission, findings: Findings): void {
  for (const { name, isFolder } of entries) {
    const parts = name.split('/');
    if (isFolder || parts.length < 2) continue;
    if (parts.length > 3 && Object.hasOwn(pluginTypes, parts[1])) continue;
    findings.add(
      'core-not-plugin-only',
      name,
      'is in no plugin: such a submission needs a manual merge',
    );
  }
}

/** A metadata.yml that is beside the archive. */
export function checkMetadata(text: string, where: string, findings: Findings): void {
  for (const fault of metadataFaults(text)) findings.add('core-metadata', where, fault);
}
