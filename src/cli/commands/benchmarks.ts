import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Benchmark } from '../../scoring/benchmark/benchmark.js';
import { accessOf, catalogEntriesOf, hasData } from '../../scoring/benchmark/benchmark-data.js';
import type { VerificationReport } from '../../scoring/model/verify-benchmark.js';
import { goldenOf } from '../../scoring/registry/golden.js';
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
    .description('list the shipped benchmarks')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => list(command, io));
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

interface Summary {
  readonly id: string;
  readonly version: number;
  readonly region: string | null;
  readonly metric: string;
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

async function summaryOf(benchmark: Benchmark, home: string): Promise<Summary> {
  return {
    id: benchmark.id,
    version: benchmark.version,
    region: benchmark.region ?? null,
    metric: benchmark.metric.name,
    simulated: benchmark.simulated,
    verified: await isVerified(benchmark, home),
    ready: await hasData(benchmark, home),
    access: accessOf(benchmark),
    title: benchmark.title ?? '',
    caution: benchmark.caution ?? null,
    licences: licencesOf(benchmark),
  };
}

const licencesOf = (benchmark: Benchmark) => [
  ...new Set(catalogEntriesOf(benchmark).map(({ licence }) => licence ?? 'none stated')),
];

async function list(command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const found = await Promise.all(listBenchmarks().map((one) => summaryOf(one, home)));
  if (command.optsWithGlobals().json) {
    io.out(`${JSON.stringify(found, null, 2)}\n`);
    return;
  }
  printBenchmarks(found, io);
}

/** Benchmarks, and whether their data are here. */
export function printBenchmarks(found: readonly Summary[], io: Io): void {
  printRows(
    ['benchmark', 'metric', 'data', 'here', 'licence', 'title'],
    found.map(({ id, metric, simulated, access, ready, licences, title }) => [
      id,
      metric,
      simulated ? 'simulated' : access,
      ready ? 'yes' : 'no',
      licences.join(', '),
      title,
    ]),
    io,
  );
}

async function show(name: string, command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const shown = await Promise.all(
    findBenchmark(name).map(async (benchmark) => {
      const { identifier, regions, ...definition } = benchmark;
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
