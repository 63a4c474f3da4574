import type { Command } from 'commander';
import { visibleName } from '../../report/visible-name.js';
import { providers } from '../../runtime/provider.js';
import type { Difference, ShownValue } from '../../scoring/receipt/result-differences.js';
import type { ReceiptReport } from '../../scoring/receipt/verify-receipt.js';
import { globalOptions } from '../options/global-options.js';
import { providerNamed } from '../options/provider-option.js';
import { printRows } from '../print/print-rows.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';

interface VerifyOptions {
  readonly model: string[];
  readonly json?: boolean;
  readonly provider?: string;
}

/** Differences that are printed; `--json` has them all. */
const SHOWN = 40;

/** `ventral verify`: recomputes the numbers of a receipt. */
export function registerVerify(program: Command, io: Io): void {
  program
    .command('verify')
    .description('recompute the numbers of a receipt and check that they are bit-identical')
    .argument('<receipt>', 'file that --receipt wrote')
    .option(
      '--model <file>',
      'current path of a model of the receipt',
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option(
      '--provider <name>',
      `what runs networks now: ${providers.join(', ')}; default: that of the receipt`,
    )
    .option('--json', 'print the result as JSON')
    .action((receipt: string, options: VerifyOptions, command: Command) =>
      verify(receipt, options, command, io),
    );
}

async function verify(
  receipt: string,
  options: VerifyOptions,
  command: Command,
  io: Io,
): Promise<void> {
  const { home, threads, maxMemory, maxScratch } = globalOptions(command);
  const asked = command.optsWithGlobals().threads === undefined ? {} : { threads };
  const provider =
    options.provider === undefined
      ? {}
      : { provider: providerNamed('verify', options.provider, providers) };
  const { verifyReceipt } = await import('../../scoring/receipt/verify-receipt.js');
  const bar = progressBar(io);
  const stop = interruption();
  let report: ReceiptReport;
  try {
    report = await verifyReceipt(receipt, options.model, {
      home,
      maxMemory,
      maxScratch,
      ...asked,
      ...provider,
      signal: stop.signal,
      progress: bar.progress,
    });
  } finally {
    bar.end();
    stop.release();
  }
  if (options.json) io.out(`${JSON.stringify(report, null, 2)}\n`);
  else printReport(report, io);
  if (report.verdict === 'differs') process.exitCode = 1;
}

/** The verdict of a receipt; where it differs, what differs. */
export function printReport(report: ReceiptReport, io: Io): void {
  const { receipt, verdict, results, inputs, values, largest, runtime, notes } = report;
  const numbers = `${results} ${results === 1 ? 'result' : 'results'}`;
  for (const note of notes) io.err(`${visibleName(note)}\n`);
  if (runtime.length > 0 && verdict !== 'equal')
    io.err(`another runtime: ${runtimeText(runtime)}\n`);
  if (verdict === 'equal') io.out(`equal to the bit: ${numbers}\n`);
  if (verdict === 'close')
    io.out(`equal within ${(largest ?? 0).toPrecision(2)} on another runtime: ${numbers}\n`);
  if (verdict !== 'differs') return;
  const all = [...inputs, ...values];
  const rows = all.slice(0, SHOWN).map(({ about, field, expected, found }) => {
    return [visibleName(about), visibleName(field), shown(expected), shown(found)];
  });
  printRows(['about', 'field', 'receipt', 'now'], rows, io);
  const more = all.length > SHOWN ? `, ${all.length - SHOWN} of them not shown (--json)` : '';
  const ran = results === 0 ? '; nothing was recomputed' : largestText(report);
  const count = `${all.length} ${all.length === 1 ? 'difference' : 'differences'}`;
  io.err(`ventral: ${receipt} differs from the recomputed result: ${count}${more}${ran}\n`);
}

const largestText = ({ largest }: ReceiptReport) =>
  largest === null ? '' : `; the largest of two numbers is ${largest.toPrecision(2)}`;

const runtimeText = (runtime: readonly Difference[]) =>
  runtime
    .map(({ field, expected, found }) => `${field} ${shown(expected)}, here ${shown(found)}`)
    .join('; ');

const shown = (value: ShownValue) => visibleName(String(value), 100);
