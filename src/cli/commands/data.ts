import type { Command } from 'commander';
import { type CatalogEntry, catalog, entriesNeeded } from '../../data/catalog.js';
import { dataPath, locateData } from '../../data/data-folder.js';
import { type PulledFile, type PullProgress, pullEntries } from '../../data/download.js';
import { importData } from '../../data/import-data.js';
import { requireVerified, verifyData } from '../../data/verify-data.js';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Stage, Work } from '../../runtime/work.js';
import { globalOptions } from '../options/global-options.js';
import { printRows } from '../print/print-rows.js';
import { errorText } from '../terminal/error-text.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';

/** `ventral data list|pull|verify|import`: the published files, and what of them is here. */
export function registerData(program: Command, io: Io): void {
  const data = program.command('data').description('published stimuli, recordings and trials');
  data
    .command('list')
    .description('list the data that Brain-Score publishes, and which are installed')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => list(command, io));
  data
    .command('pull <names...>')
    .description(
      'download data by catalog name, or all that a benchmark needs; resumes a partial download',
    )
    .option('--from <url>', 'download from another URL that has the files under their names')
    .action((names: string[], _options: unknown, command: Command) => pullAll(names, command, io));
  data
    .command('verify')
    .description('verify the checksums of the installed data')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => verify(command, io));
  data
    .command('import <files...>')
    .description('import local files, identified by SHA-1, or a folder such as ~/.brainio')
    .option('--as <name>', 'use your own file in place of a catalog file')
    .action((files: string[], _options: unknown, command: Command) => take(files, command, io));
}

async function list(command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const rows = await Promise.all(
    catalog().map(async (entry) => ({ entry, located: await locateData(entry, home) })),
  );
  if (command.optsWithGlobals().json) {
    const shown = rows.map(({ entry, located }) => ({
      ...entry,
      here: located.missing.length === 0,
      ownBytes: located.ownBytes,
      files: entry.files.map((file) => ({ ...file, path: dataPath(home, file) })),
    }));
    io.out(`${JSON.stringify(shown, null, 2)}\n`);
    return;
  }
  printRows(
    ['name', 'kind', 'access', 'here', 'terms'],
    rows.map(({ entry, located }) => [
      entry.identifier,
      entry.kind,
      entry.access,
      located.missing.length > 0 ? 'no' : located.ownBytes ? 'own file' : 'yes',
      entry.licence ?? entry.terms,
    ]),
    io,
  );
}

async function pullAll(names: readonly string[], command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const { from } = command.optsWithGlobals<{ from?: string }>();
  if (from !== undefined && !/^https?:\/\//.test(from)) {
    throw new VentralError(
      'bad-usage',
      `--from: expected an http or https address, found "${from}"`,
    );
  }
  const bar = progressBar(io);
  const stop = interruption();
  const parts = bar.progress.parts(names.map(() => ''));
  bar.progress.planned();
  try {
    for (const [i, name] of names.entries()) {
      try {
        const entries = await entriesFor(name);
        const progress = pullProgress(entries, parts[i]);
        const options = { home, signal: stop.signal, progress, ...present({ baseUrl: from }) };
        const pulled = await pullEntries(entries, options);
        parts[i].end();
        bar.clear();
        report(pulled, io);
      } catch (thrown) {
        bar.clear();
        parts[i].end();
        const error = VentralError.from(thrown);
        if (names.length === 1 || error.code === 'interrupted') throw error;
        io.err(errorText(error, { verbose: false, about: name }));
        process.exitCode = 1;
      }
    }
  } finally {
    bar.end();
    stop.release();
  }
}

/** A catalog name, or a benchmark whose data are in the catalog. */
async function entriesFor(name: string): Promise<readonly CatalogEntry[]> {
  if (catalog().some(({ identifier }) => identifier === name)) return entriesNeeded(name);
  const { listBenchmarks, findBenchmark } = await import('../../scoring/registry/registry.js');
  const { catalogEntriesOf } = await import('../../scoring/benchmark/benchmark-data.js');
  const ids = listBenchmarks().flatMap(({ id, identifier }) => [id, identifier]);
  if (ids.includes(name)) return [...new Set(findBenchmark(name).flatMap(catalogEntriesOf))];
  const names = [...catalog().map(({ identifier }) => identifier), ...ids];
  throw new VentralError(
    'data-missing',
    `Neither the catalog nor the benchmarks have "${name}"${didYouMean(name, names)}`,
    { expected: 'a name from `ventral data list` or a benchmark', found: name },
  );
}

function report(pulled: readonly PulledFile[], io: Io): void {
  for (const { file, path, already } of pulled) {
    io.out(`${path}\n`);
    if (already) io.err(`${file} exists already\n`);
  }
}

const MIB = 2 ** 20;
const tenth = (bytes: number) => Math.round((bytes / MIB) * 10) / 10;

/** Bytes of a file whose size the catalog does not know. */
const USUAL_BYTES = 100 * MIB;
/** Bytes a second, until they are measured. */
const rates = { downloading: 20 * MIB, checking: 400 * MIB };

/** Plans the files of entries, each downloaded and checked, and reports to the plan. */
function pullProgress(entries: readonly CatalogEntry[], work: Work) {
  const stages = new Map<string, { readonly stage: Stage; readonly bytes: number }>();
  for (const { file, size: bytes = USUAL_BYTES } of entries.flatMap(({ files }) => files))
    for (const kind of ['downloading', 'checking'] as const) {
      const plan = { stage: `${file} ${kind}, MiB`, total: 1, kind, basis: 'bytes' as const };
      const stage = work.stage({ ...plan, seconds: bytes / rates[kind] });
      stages.set(`${file} ${kind}`, { stage, bytes });
    }
  work.planned();
  return ({ file, stage: name, done, total }: PullProgress) => {
    const found = stages.get(`${file} ${name === 'waiting' ? 'downloading' : name}`);
    if (!found) return;
    // A file that is checked is here.
    if (name === 'checking') stages.get(`${file} downloading`)?.stage.end();
    const all = Math.max(done, total ?? found.bytes);
    const words = name === 'waiting' ? { words: 'waiting for the server' } : {};
    found.stage.at(all > 0 ? done / all : 1, { done: tenth(done), total: tenth(all), ...words });
  };
}

async function verify(command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const stop = interruption();
  try {
    const files = await verifyData({ home, signal: stop.signal });
    if (command.optsWithGlobals().json) io.out(`${JSON.stringify(files, null, 2)}\n`);
    else {
      const words = files.map(({ path, ok }) => [ok ? 'ok' : 'changed', path]);
      printRows(['state', 'file'], words, io);
    }
    requireVerified(files);
  } finally {
    stop.release();
  }
}

async function take(files: readonly string[], command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const { as } = command.optsWithGlobals<{ as?: string }>();
  if (as !== undefined && files.length > 1) {
    throw new VentralError('bad-usage', `--as names one file, found ${files.length} files`);
  }
  const stop = interruption();
  const bar = progressBar(io);
  const stages = new Map<string, Stage>();
  try {
    const imported = await importData(files, {
      home,
      signal: stop.signal,
      progress: ({ file, done, total }) => {
        const plan = { stage: `${file}, MiB`, total: tenth(total), kind: 'import' };
        const seconds = total / rates.checking;
        const stage = stages.get(file) ?? bar.progress.stage({ ...plan, seconds, basis: 'bytes' });
        stages.set(file, stage);
        stage.at(tenth(done));
      },
      ...present({ as }),
    });
    bar.clear();
    for (const { identifier, path, published } of imported) {
      io.out(`${path}\n`);
      if (!published)
        io.err(`${path} replaces ${identifier}; its contents differ from the published file\n`);
    }
  } finally {
    bar.end();
    stop.release();
  }
}
