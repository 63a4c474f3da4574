import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { locator } from '../../data/data-folder.js';
import { didYouMean } from '../../errors/closest-names.js';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Benchmark } from '../../scoring/benchmark/benchmark.js';
import { accessOf, catalogEntriesOf, hasData } from '../../scoring/benchmark/benchmark-data.js';
import type { VerificationReport } from '../../scoring/model/verify-benchmark.js';
import { goldenOf } from '../../scoring/registry/golden.js';
import { type ListedBenchmark, listedBenchmark } from '../../scoring/registry/listed-benchmark.js';
import { findBenchmark, listBenchmarks } from '../../scoring/registry/registry.js';
import { type BenchmarkFinding, holds, isVerified } from '../../scoring/registry/verification.js';
import { globalOptions } from '../options/global-options.js';
import { printRows } from '../print/print-rows.js';
import { visibleText } from '../terminal/error-text.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';

/** `ventral benchmarks list|show|check|verify`. */
export function registerBenchmarks(program: Command, io: Io): void {
  const benchmarks = program
    .command('benchmarks')
    .description('shipped benchmarks, and files of your own');
  benchmarks
    .command('list')
    .argument('[words...]', 'only those whose name, title, metric, kind or region have each word')
    .description(
      'list the shipped benchmarks; in a terminal, without words or options, one line an experiment',
    )
    .option('--region <region>', 'only of this region: V1, V2, V4, IT, behavior')
    .option(
      '--access <access>',
      'only with data of this kind: public, private, agreement, simulated',
    )
    .option('--here', 'only those whose data are on this machine')
    .option('--all', 'one line a benchmark, also in a terminal')
    .option('--json', 'print JSON')
    .action((words: string[], _options: unknown, command: Command) => list(words, command, io));
  benchmarks
    .command('show <id|file>')
    .description('show a benchmark as JSON')
    .action((name: string, _options: unknown, command: Command) => show(name, command, io));
  benchmarks
    .command('check <file>')
    .description('list the errors of a benchmark file, by line and column')
    .action((file: string, _options: unknown, command: Command) => check(file, command, io));
  benchmarks
    .command('verify <ids...>')
    .description('run the published self-checks on the installed data')
    .option('--files <folder>', 'published files of what models gave: see docs/verify.md')
    .option('--json', 'print JSON')
    .action((ids: string[], _options: unknown, command: Command) => verify(ids, command, io));
}

interface Summary extends ListedBenchmark {
  /** Folder of its file. */
  readonly experiment: string;
  readonly version: number;
  readonly region: string | null;
  readonly simulated: boolean;
  readonly verified: boolean;
  /** Whether everything that it needs is here, or is made on the spot. */
  readonly ready: boolean;
  readonly access: 'public' | 'private';
  readonly title: string;
  /** What a reader of every score should know. */
  readonly caution: string | null;
  /** Of its data in the catalog, each once; `none stated` where the source states none. */
  readonly licences: readonly string[];
}

async function summaryOf(
  benchmark: Benchmark,
  home: string,
  locate = locator(home),
): Promise<Summary> {
  return {
    ...listedBenchmark(benchmark),
    experiment: basename(benchmark.folder),
    version: benchmark.version,
    region: benchmark.region ?? null,
    simulated: benchmark.simulated,
    verified: await isVerified(benchmark, home, locate),
    ready: await hasData(benchmark, home, locate),
    access: accessOf(benchmark),
    title: benchmark.title ?? '',
    caution: benchmark.caution ?? null,
    licences: licencesOf(benchmark),
  };
}

const licencesOf = (benchmark: Benchmark) => [
  ...new Set(catalogEntriesOf(benchmark).map(({ licence }) => licence ?? 'none stated')),
];

interface ListOptions {
  readonly region?: string;
  readonly access?: string;
  readonly here?: boolean;
  readonly all?: boolean;
  readonly json?: boolean;
}

async function list(words: readonly string[], command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const options = command.optsWithGlobals<ListOptions>();
  const accesses = ['public', 'private', 'agreement', 'simulated'];
  const regions = ['V1', 'V2', 'V4', 'IT', BEHAVIOUR];
  requireOneOf('--access', options.access, accesses);
  requireOneOf('--region', options.region, regions);
  const locate = locator(home);
  const all = await Promise.all(listBenchmarks().map((one) => summaryOf(one, home, locate)));
  const found = all.filter((one) => isAskedFor(one, words, options));
  if (options.json) {
    io.out(`${JSON.stringify(found, null, 2)}\n`);
    return;
  }
  if (found.length === 0) {
    io.err('no matching benchmarks\n');
    return;
  }
  if (io.columns === undefined || options.all || found.length < all.length)
    return printBenchmarks(found, io);
  printExperiments(found, io);
  io.out(
    `${found.length} benchmarks, ${found.filter(({ ready }) => ready).length} with all data here. \`ventral benchmarks list WORD\` lists those that match, --all lists every one.\n`,
  );
}

const BEHAVIOUR = 'behavior';

function requireOneOf(option: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || known.includes(value)) return;
  throw new VentralError(
    'bad-usage',
    `${option}: expected one of ${known.join(', ')}, found ${quoted(value)}${didYouMean(value, known)}`,
    { field: option, expected: known.join(', '), found: value },
  );
}

function isAskedFor(
  one: Summary,
  words: readonly string[],
  { region, access, here }: ListOptions,
): boolean {
  const { id, family, title, kind, metric, region: own } = one;
  const text = [id, family, title, kind, metric, own ?? BEHAVIOUR].join(' ').toLowerCase();
  return (
    words.every((word) => text.includes(word.toLowerCase())) &&
    (region === undefined || (own ?? BEHAVIOUR) === region) &&
    (access === undefined || one.data === access) &&
    (!here || one.ready)
  );
}

/** Benchmarks, where their data come from and whether they are here, and what verifies them. */
export function printBenchmarks(found: readonly Summary[], io: Io): void {
  printRows(
    ['benchmark', 'metric', 'data', 'here', 'licence', 'title', 'kind', 'checks'],
    found.map((one) => [
      one.id,
      one.metric,
      one.data,
      one.ready ? 'yes' : 'no',
      one.licences.join(', '),
      one.title,
      one.kind,
      one.checks.join(', ') || 'none published',
    ]),
    io,
  );
}

/** One row for the benchmarks of each experiment. */
export function printExperiments(found: readonly Summary[], io: Io): void {
  const experiments = new Map<string, Summary[]>();
  for (const one of found)
    experiments.set(one.experiment, [...(experiments.get(one.experiment) ?? []), one]);
  const each = (of: readonly Summary[], word: (one: Summary) => string) =>
    [...new Set(of.map(word))].join(', ');
  printRows(
    ['benchmarks', 'number', 'kind', 'data', 'here', 'checks'],
    [...experiments].map(([experiment, of]) => [
      beginning(of.map(({ id }) => id)) ?? experiment,
      String(of.length),
      each(of, ({ kind }) => kind),
      each(of, ({ data }) => data),
      hereInWords(of),
      String(of.filter(({ checks }) => checks.length > 0).length),
    ]),
    io,
  );
}

/** The common prefix of identifiers, a word for `list`; none if it is too short to select by. */
function beginning([first, ...others]: readonly string[]): string | undefined {
  if (others.length === 0) return first;
  const alike = [...first].findIndex((letter, i) => others.some((name) => name[i] !== letter));
  return alike < 4 ? undefined : first.slice(0, alike).replace(/[._-]+$/, '');
}

function hereInWords(of: readonly Summary[]): string {
  const here = of.filter(({ ready }) => ready).length;
  return here === 0 ? 'no' : here === of.length ? 'yes' : `${here} of ${of.length}`;
}

async function show(name: string, command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const shown = await Promise.all(
    findBenchmark(name).map(async (benchmark) => {
      const { identifier, regions, template, ...definition } = benchmark;
      return {
        ...definition,
        ...(await summaryOf(benchmark, home)),
        metric: definition.metric,
        data: catalogEntriesOf(benchmark).map((entry) => entry.identifier),
        published: goldenOf(benchmark) ?? null,
      };
    }),
  );
  io.out(`${JSON.stringify(shown.length === 1 ? shown[0] : shown, null, 2)}\n`);
}

/**
 * Checks the file by its rules, then its data: installed data must fit, missing data are reported.
 */
async function check(file: string, command: Command, io: Io): Promise<void> {
  const { checkBenchmark } = await import('../../scoring/registry/check-benchmark.js');
  const { ids, ready, notices } = await checkBenchmark(file, globalOptions(command));
  if (!ready) io.err(`${file}: its data are not installed; only the file was checked\n`);
  for (const { benchmark, code, detail } of notices)
    io.err(visibleText(`${benchmark}: ${code}: ${detail}`));
  io.out(`${file}: no problems found: ${ids.join(', ')}\n`);
}

async function verify(ids: readonly string[], command: Command, io: Io): Promise<void> {
  const { verifyBenchmark } = await import('../../scoring/model/verify-benchmark.js');
  const { json, files } = command.optsWithGlobals<{ json?: boolean; files?: string }>();
  if (files !== undefined && !existsSync(files))
    throw new VentralError('file-missing', `--files ${files} does not exist`, { file: files });
  const bar = progressBar(io);
  const stop = interruption();
  try {
    const reports: VerificationReport[] = [];
    const parts = bar.progress.parts(ids.map(() => ''));
    bar.progress.planned();
    for (const [i, id] of ids.entries()) {
      const progress = parts[i];
      const context = {
        ...globalOptions(command),
        signal: stop.signal,
        progress,
        ...present({ files }),
      };
      reports.push(...(await verifyBenchmark(id, context)));
      progress.end();
    }
    bar.clear();
    if (json) io.out(`${JSON.stringify(reports, null, 2)}\n`);
    else printSelfChecks(reports, io);
    if (!reports.every(({ verified }) => verified)) process.exitCode = 1;
  } finally {
    bar.end();
    stop.release();
  }
}

const verdictOf = (finding: BenchmarkFinding) => {
  const verdict = holds(finding) ? 'holds' : finding.advisory ? 'differs' : 'DIFFERS';
  return finding.advisory ? `${verdict} (advisory: ${finding.advisory})` : verdict;
};

/** What was measured beside what is published; a pipe gets the tolerance in a column of its own. */
export function printSelfChecks(reports: readonly VerificationReport[], io: Io): void {
  const rows = reports.flatMap(({ benchmark, findings, notRun }) => [
    ...findings.map((finding) => [
      benchmark,
      finding.check,
      String(Number(finding.measured.toPrecision(8))),
      `${finding.published} ± ${finding.tolerance}`,
      verdictOf(finding),
    ]),
    ...notRun.map(({ check, why }) => [benchmark, check, '', '', `not run: ${why}`]),
  ]);
  const values = reports.flatMap(({ benchmark, findings, notRun }) => [
    ...findings.map((finding) => [
      ...[benchmark, finding.check, finding.measured, finding.published, finding.tolerance],
      verdictOf(finding),
    ]),
    ...notRun.map(({ check, why }) => [benchmark, check, '', '', '', `not run: ${why}`]),
  ]);
  printRows(['benchmark', 'check', 'measured', 'published', 'verdict'], rows, io, {
    head: ['benchmark', 'check', 'measured', 'published', 'tolerance', 'verdict'],
    rows: values,
  });
}
