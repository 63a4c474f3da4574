import { stringify } from 'csv-stringify/sync';
import { visibleName } from '../../report/visible-name.js';
import { BOUND, type Threat } from '../../training/attack/threat.js';
import type { AttackReport } from '../../training/robustness/attack-model.js';
import { type Figure, MASKING, type SelfCheck } from '../../training/robustness/robustness.js';
import type { Io } from '../terminal/io.js';
import { printRows, tsv } from './print-rows.js';

/** A figure with its label. */
interface Line {
  readonly threat: Threat | undefined;
  readonly attack: string;
  readonly figure: Figure;
}

/**
 * Prints the robustness of a network: as a table for people, followed by what the checks found; in a pipe as
 * TSV with the columns of CSV, and the checks after an empty line with a heading of their own; as JSON; as one CSV line an attack. Failed checks
 * are also printed to stderr.
 */
export function printRobustness(
  report: AttackReport,
  form: 'table' | 'json' | 'csv',
  io: Io,
): void {
  if (form === 'json') io.out(`${JSON.stringify({ ...report, note: BOUND }, null, 2)}\n`);
  else if (form === 'csv') io.out(csvOf(report));
  else printTable(report, io);
  if (report.maskingSuspected && (form !== 'table' || io.columns === undefined))
    io.err(`${MASKING}: ${failedNames(report)}\n`);
  if (form !== 'json') io.err(`${BOUND}\n`);
}

const failedNames = ({ checks }: AttackReport) =>
  checks
    .filter(({ passed }) => passed === false)
    .map(({ name, found }) => `failed: ${name} (${found})`)
    .join('; ');

function linesOf({ clean, threats }: AttackReport): Line[] {
  return [
    { threat: undefined, attack: 'clean', figure: clean },
    ...threats.flatMap((threat) => [
      ...threat.attacks.map((found) => ({ threat, attack: found.title, figure: found })),
      { threat, attack: 'worst case', figure: threat.worst },
    ]),
  ];
}

function printTable(report: AttackReport, io: Io): void {
  const { name, model, data, checks } = report;
  if (io.columns !== undefined)
    io.out(`${visibleName(name)}  ${model}\n${data.examples} examples of ${data.digest}\n`);
  const head = ['norm', 'epsilon', 'attack', 'right', 'share', '95 % interval'];
  const rows = linesOf(report).map(({ threat, attack, figure }) => [
    threat?.norm ?? '–',
    threat ? epsilonText(threat) : '–',
    attack,
    `${figure.correct}/${figure.count}`,
    figure.accuracy.toFixed(3),
    figure.interval.map((end) => end.toFixed(3)).join(' to '),
  ]);
  printRows(head, rows, io, { head: csvColumns, rows: valuesOf(report) });
  if (io.columns === undefined) {
    const words = checks.map((check) => [verdictOf(check), check.name, check.found]);
    io.out(`\n${tsv({ head: ['verdict', 'check', 'found'], rows: words })}`);
    return;
  }
  for (const check of checks) io.out(`${verdictOf(check)}: ${check.name} – ${check.found}\n`);
}

const verdictOf = ({ passed }: SelfCheck) =>
  passed === null ? 'not checked' : passed ? 'checked' : MASKING;

/** Radii of L-inf are 255ths by habit. */
function epsilonText({ norm, epsilon }: Threat): string {
  const steps = Math.round(255 * epsilon);
  const whole = norm === 'Linf' && Math.abs(255 * epsilon - steps) < 1e-9;
  return whole ? `${steps}/255` : String(Number(epsilon.toPrecision(4)));
}

const csvColumns = [
  ...['model', 'norm', 'epsilon', 'attack', 'correct', 'count', 'accuracy'],
  ...['ci_low', 'ci_high'],
];

const valuesOf = (report: AttackReport) =>
  linesOf(report).map(({ threat, attack, figure }) => [
    report.name,
    threat?.norm ?? '',
    threat?.epsilon ?? 0,
    attack,
    figure.correct,
    figure.count,
    figure.accuracy,
    ...figure.interval,
  ]);

const csvOf = (report: AttackReport): string =>
  stringify([csvColumns, ...valuesOf(report)], { escape_formulas: true });
