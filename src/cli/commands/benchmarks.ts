import type { Command } from 'commander';
import type { Benchmark } from '../../scoring/benchmark/benchmark.js';
import { accessOf, catalogEntriesOf, hasData } from '../../scoring/benchmark/benchmark-data.js';
import { goldenOf } from '../../scoring/registry/golden.js';
import { findBenchmark, listBenchmarks } from '../../scoring/registry/registry.js';
import { isVerified } from '../../scoring/registry/verification.js';
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
  };
}

async function list(command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const found = await Promise.all(listBenchmarks().map((one) => summaryOf(one, home)));
  if (command.optsWithGlobals().json) {
    io.out(`${JSON.stringify(found, null, 2)}\n`);
    return;
  }
  printRows(
    ['benchmark', 'metric', 'data', 'here', 'title'],
    found.map(({ id, metric, simulated, access, ready, title }) => [
      id,
      metric,
      simulated ? 'simulated' : access,
      ready ? 'yes' : 'no',
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
  const { holds } = await import('../../scoring/registry/verification.js');
  const bar = progressBar(io);
  const stop = interruption();
  try {
    const context = { ...globalOptions(command), signal: stop.signal, progress: bar.progress };
    const reports = [];
    const parts = bar.progress.parts(ids.map(() => ''));
    bar.progress.planned();
    for (const [i, id] of ids.entries()) {
      reports.push(...(await verifyBenchmark(id, { ...context, progress: parts[i] })));
      parts[i].end();
    }
    bar.clear();
    if (command.optsWithGlobals().json) io.out(`${JSON.stringify(reports, null, 2)}\n`);
    else {
      const rows = reports.flatMap(({ benchmark, findings }) =>
        findings.map((finding) => [
          benchmark,
          finding.check,
          String(Number(finding.measured.toPrecision(8))),
          `${finding.published} ± ${finding.tolerance}`,
          holds(finding) ? 'holds' : 'DIFFERS',
        ]),
      );
      const values = reports.flatMap(({ benchmark, findings }) =>
        findings.map((finding) => [
          ...[benchmark, finding.check, finding.measured, finding.published, finding.tolerance],
          holds(finding) ? 'holds' : 'DIFFERS',
        ]),
      );
      printRows(['benchmark', 'check', 'measured', 'published', 'verdict'], rows, io, {
        head: ['benchmark', 'check', 'measured', 'published', 'tolerance', 'verdict'],
        rows: values,
      });
    }
    if (!reports.every(({ verified }) => verified)) process.exitCode = 1;
  } finally {
    bar.end();
    stop.release();
  }
}
