import type { Command } from 'commander';
import { type CatalogEntry, catalog, entriesNeeded } from '../../data/catalog.js';
import { dataPath, type LocatedData, locateData } from '../../data/data-folder.js';
import { type PulledFile, type PullProgress, pullEntries } from '../../data/download.js';
import { importData } from '../../data/import-data.js';
import { type Publication, publications } from '../../data/published/publication.js';
import { entriesOf } from '../../data/published/publish.js';
import { requireVerified, type VerifiedFile, verifyData } from '../../data/verify-data.js';
import { didYouMean } from '../../errors/closest-names.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Stage, Work } from '../../runtime/work.js';
import { importPublications, publicationsOf, pullPublications } from '../catalog/publications.js';
import { globalOptions } from '../options/global-options.js';
import { printRows } from '../print/print-rows.js';
import { errorText } from '../terminal/error-text.js';
import { BYTE_RATES, fileProgress, tenthMiB, USUAL_BYTES } from '../terminal/file-progress.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';
import { registerConvert } from './convert.js';

/** `ventral data list|pull|verify|import|convert`: the published files, and what of them is here. */
export function registerData(program: Command, io: Io): void {
  const data = program.command('data').description('published stimuli, recordings and trials');
  data
    .command('list')
    .description('list the data of the catalog, and which are installed')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => list(command, io));
  data
    .command('pull <names...>')
    .description(
      'download data by catalog name, or all that a benchmark needs; resumes a partial download',
    )
    .option('--from <url>', 'download from another URL that has the files under their names')
    .option(
      '--accept-terms',
      'accept the terms of data whose authors publish them, which are printed',
    )
    .action((names: string[], _options: unknown, command: Command) => pullAll(names, command, io));
  data
    .command('verify')
    .description('verify the checksums of the installed data')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => verify(command, io));
  data
    .command('import <files...>')
    .description(
      'import local files, identified by SHA-1, or a folder such as ~/.brainio; with --from, recordings by name',
    )
    .option('--as <name>', 'use your own file in place of a catalog file')
    .option('--from <folder>', 'convert the files of the named recordings from this folder')
    .action((files: string[], _options: unknown, command: Command) => take(files, command, io));
  registerConvert(data, io);
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
  printData(rows, io);
}

/** What of the catalog is here. */
export function printData(
  rows: readonly {
    readonly entry: CatalogEntry;
    readonly located: Pick<LocatedData, 'missing' | 'ownBytes'>;
  }[],
  io: Io,
): void {
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
  const { from, acceptTerms = false } = command.optsWithGlobals<{
    from?: string;
    acceptTerms?: boolean;
  }>();
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
        bar.clear();
        report(pulled, io);
        const asked = { ...options, accepted: acceptTerms };
        await pullPublications(publicationsOf(entries), asked, {
          ...io,
          out: cleared(io.out, bar),
        });
        parts[i].end();
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

/** The publications that a name is of: its own, not those of the stimuli that it needs. */
async function publicationsNamed(name: string): Promise<Publication[]> {
  const own = publications().filter((one) => one.name === name);
  if (own.length > 0) return own;
  const named = catalog().filter(({ identifier }) => identifier === name);
  const found = publicationsOf(named.length > 0 ? named : await entriesFor(name));
  if (found.length > 0) return found;
  throw new VentralError(
    'bad-usage',
    `--from: ${name} is not made from files of a publication; \`ventral data import FILE\` recognises its files by SHA-1`,
    { found: name },
  );
}

/** Prints a line after the bar is gone. */
const cleared = (out: Io['out'], bar: ReturnType<typeof progressBar>) => (text: string) => {
  bar.clear();
  out(text);
};

/** A catalog name, or a benchmark whose data are in the catalog. */
async function entriesFor(name: string): Promise<readonly CatalogEntry[]> {
  if (catalog().some(({ identifier }) => identifier === name)) return entriesNeeded(name);
  const publication = publications().find((one) => one.name === name);
  if (publication) {
    const needed = entriesOf(publication).flatMap(({ identifier }) => entriesNeeded(identifier));
    return [...new Set(needed)];
  }
  const { listBenchmarks, findBenchmark } = await import('../../scoring/registry/registry.js');
  const { catalogEntriesOf } = await import('../../scoring/benchmark/benchmark-data.js');
  const ids = listBenchmarks().flatMap(({ id, identifier, template = id }) => [
    id,
    identifier,
    template,
  ]);
  if (ids.includes(name)) return [...new Set(findBenchmark(name).flatMap(catalogEntriesOf))];
  const published = publications().map((one) => one.name);
  const names = [...catalog().map(({ identifier }) => identifier), ...published, ...ids];
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

/** Plans the files of entries, each downloaded and checked, and reports to the plan. */
function pullProgress(entries: readonly CatalogEntry[], work: Work) {
  const stages = new Map<string, { readonly stage: Stage; readonly bytes: number }>();
  for (const { file, size: bytes = USUAL_BYTES } of entries.flatMap(({ files }) => files))
    for (const kind of ['downloading', 'checking'] as const) {
      const plan = { stage: `${file} ${kind}, MiB`, total: 1, kind, basis: 'bytes' as const };
      const stage = work.stage({ ...plan, seconds: bytes / BYTE_RATES[kind] });
      stages.set(`${file} ${kind}`, { stage, bytes });
    }
  work.planned();
  // Files of publications have no stage yet.
  const others = fileProgress(work);
  return (progress: PullProgress) => {
    const { file, stage: name, done, total } = progress;
    const found = stages.get(`${file} ${name === 'waiting' ? 'downloading' : name}`);
    if (!found) return others(progress);
    // A file that is checked is here.
    if (name === 'checking') stages.get(`${file} downloading`)?.stage.end();
    const all = Math.max(done, total ?? found.bytes);
    const words = name === 'waiting' ? { words: 'waiting for the server' } : {};
    found.stage.at(all > 0 ? done / all : 1, {
      done: tenthMiB(done),
      total: tenthMiB(all),
      ...words,
    });
  };
}

async function verify(command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const stop = interruption();
  try {
    const files = await verifyData({ home, signal: stop.signal });
    if (command.optsWithGlobals().json) io.out(`${JSON.stringify(files, null, 2)}\n`);
    else printChecked(files, io);
    requireVerified(files);
  } finally {
    stop.release();
  }
}

/** Installed files, and whether they hold what was published. */
export function printChecked(files: readonly VerifiedFile[], io: Io): void {
  const words = files.map(({ path, ok }) => [ok ? 'ok' : 'changed', path]);
  printRows(['state', 'file'], words, io);
}

/** Recordings by name, from files that somebody has in a folder. */
async function takeByName(
  names: readonly string[],
  folder: string,
  command: Command,
  io: Io,
): Promise<void> {
  const { home } = globalOptions(command);
  const stop = interruption();
  const bar = progressBar(io);
  try {
    const publications = new Set((await Promise.all(names.map(publicationsNamed))).flat());
    const options = { home, signal: stop.signal, progress: fileProgress(bar.progress) };
    const report = { ...io, out: cleared(io.out, bar) };
    await importPublications([...publications], folder, options, report);
  } finally {
    bar.end();
    stop.release();
  }
}

async function take(files: readonly string[], command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const { as, from } = command.optsWithGlobals<{ as?: string; from?: string }>();
  if (from !== undefined) return takeByName(files, from, command, io);
  if (as !== undefined && files.length > 1) {
    throw new VentralError('bad-usage', `--as names one file, found ${files.length} files`);
  }
  const stop = interruption();
  const bar = progressBar(io);
  try {
    const imported = await importData(files, {
      home,
      signal: stop.signal,
      progress: fileProgress(bar.progress),
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
