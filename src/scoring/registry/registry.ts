import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import { type Benchmark, type BenchmarkDefinition, expandRegions } from '../benchmark/benchmark.js';
import { dataOf } from '../benchmark/benchmark-data.js';
import { readBenchmarks } from './benchmark-file.js';

let packaged: readonly Benchmark[] | undefined;

/**
 * The benchmarks that ventral ships, one an identifier: every YAML file in the folders of
 * `benchmarks/`, in the order of folders and files.
 */
export function listBenchmarks(): readonly Benchmark[] {
  packaged ??= packagedFiles(join(packageRoot, 'benchmarks'))
    .flatMap(readBenchmarks)
    .flatMap(expandRegions);
  return packaged;
}

function packagedFiles(root: string): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .flatMap((folder) =>
      readdirSync(join(root, folder))
        .filter((name) => name.endsWith('.yaml'))
        .sort()
        .map((name) => join(root, folder, name)),
    );
}

/**
 * The benchmarks under a name: an identifier (`FreemanZiemba2013public.V1-pls`), one with `{region}`
 * for all of its regions, or as its file writes it for all of the file, or the path of a benchmark file.
 * @throws VentralError `benchmark-unknown` with the closest names, `file-missing`, or what {@link readBenchmarks}
 *   throws
 */
export function findBenchmark(idOrFile: string): readonly Benchmark[] {
  // A path is read without listing shipped benchmarks, which takes a tenth of a second.
  if (/\.(ya?ml|json)$/i.test(idOrFile) || /[\\/]/.test(idOrFile)) {
    refuseFolder(idOrFile);
    return ownBenchmarks(idOrFile).flatMap(expandRegions);
  }
  const named = listBenchmarks().filter(({ id, identifier, template }) =>
    [id, identifier, template].includes(idOrFile),
  );
  if (named.length > 0) return named;
  if (isFile(idOrFile)) return ownBenchmarks(idOrFile).flatMap(expandRegions);
  refuseFolder(idOrFile);
  const ids = listBenchmarks().map(({ id }) => id);
  throw new VentralError(
    'benchmark-unknown',
    `There is no benchmark "${idOrFile}"${didYouMean(idOrFile, ids) || '; `ventral benchmarks list` shows them'}`,
    { expected: 'an identifier or a benchmark file', found: idOrFile },
  );
}

function refuseFolder(path: string): void {
  if (!existsSync(path) || !statSync(path).isDirectory()) return;
  const files = readdirSync(path).filter((name) => /\.ya?ml$/i.test(name));
  const hint = files.length > 0 ? `, such as ${join(path, files.sort()[0])}` : '';
  throw new VentralError(
    'file-missing',
    `${path}: expected a benchmark file${hint}, found a folder`,
    {
      file: path,
      expected: 'a benchmark file',
      found: 'a folder',
    },
  );
}

/**
 * The benchmarks of a user's file; they warn if they have the identifier of a shipped one but other data.
 * @throws what {@link readBenchmarks} throws
 */
function ownBenchmarks(file: string): BenchmarkDefinition[] {
  return readBenchmarks(file).map((definition) => {
    if (definition.folder.startsWith(join(packageRoot, 'benchmarks') + sep)) return definition;
    const ids = expandRegions(definition).map(({ id }) => id);
    if (!ids.some(mayBeShipped)) return definition;
    const shipped = listBenchmarks().find(({ id }) => ids.includes(id));
    return shipped && !sameData(shipped, definition)
      ? { ...definition, namesShipped: true }
      : definition;
  });
}

let beginnings: readonly string[] | undefined;

/** Whether an identifier begins as some shipped one does; reads a line of each shipped file alone. */
function mayBeShipped(id: string): boolean {
  beginnings ??= packagedFiles(join(packageRoot, 'benchmarks')).map(
    (file) => /^identifier: *"?([^"\s.{-]*)/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '',
  );
  return beginnings.some((beginning) => id.startsWith(beginning));
}

const sameData = (a: BenchmarkDefinition, b: BenchmarkDefinition) =>
  JSON.stringify(dataOf(a)) === JSON.stringify(dataOf(b));

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
