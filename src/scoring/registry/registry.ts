import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import { type Benchmark, expandRegions } from '../benchmark/benchmark.js';
import { readBenchmark } from './benchmark-file.js';

let packaged: readonly Benchmark[] | undefined;

/**
 * The benchmarks that ventral ships, one an identifier: every YAML file in the folders of
 * `benchmarks/`, in the order of folders and files.
 */
export function listBenchmarks(): readonly Benchmark[] {
  packaged ??= packagedFiles(join(packageRoot, 'benchmarks'))
    .map(readBenchmark)
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
 * for all of its regions, or the path of a benchmark file.
 * @throws VentralError `benchmark-unknown` with the closest names, `file-missing`, or what {@link readBenchmark}
 *   throws
 */
export function findBenchmark(idOrFile: string): readonly Benchmark[] {
  // A path is read without looking at what is shipped: that takes a tenth of a second.
  if (/\.(ya?ml|json)$/i.test(idOrFile) || /[\\/]/.test(idOrFile)) {
    return expandRegions(readBenchmark(idOrFile));
  }
  const named = listBenchmarks().filter(
    ({ id, identifier }) => id === idOrFile || identifier === idOrFile,
  );
  if (named.length > 0) return named;
  if (isFile(idOrFile)) return expandRegions(readBenchmark(idOrFile));
  const ids = listBenchmarks().map(({ id }) => id);
  throw new VentralError(
    'benchmark-unknown',
    `There is no benchmark "${idOrFile}"${didYouMean(idOrFile, ids) || '; `ventral benchmarks list` shows them'}`,
    { expected: 'an identifier or a benchmark file', found: idOrFile },
  );
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
