import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { drawTable } from '../src/cli/print/draw-table.js';
import { type Figure, type Part, parts } from './parts.js';
import { keptResults, machineName, writeResults } from './results-file.js';

/**
 * `npm run bench`: every bench with small settings, one table of all figures beside those that are kept of this
 * machine. It ends with 1 where one is a fifth worse than it was: such a part is run once more before, since other
 * work on the machine only makes a figure worse.
 *
 *   node dist/bench/all.js [--only metric,service] [--keep]
 *
 * The first run on a machine keeps its figures under bench/results; `--keep` puts those of this run in their place.
 */
const WORSE = 1.2;

/** A part may not take so long that all of them take half an hour. */
const LIMIT_MS = 8 * 60_000;

interface Kept {
  readonly machine: string;
  readonly load: number;
  readonly figures: readonly Figure[];
}

/** @returns undefined where what it is compared with is missing here */
function run({ script, words, figures }: Part): Figure[] | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-bench-all-'));
  const out = join(folder, 'results.json');
  try {
    const path = join(import.meta.dirname, `${script}.js`);
    const { status, signal } = spawnSync(process.execPath, [path, ...words, '--out', out], {
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: LIMIT_MS,
    });
    if (status !== 0) throw new Error(`bench/${script}.ts ended with ${signal ?? status}`);
    return existsSync(out) ? figures(JSON.parse(readFileSync(out, 'utf8')) as never) : undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How many times worse a figure is than another of its name. */
const worse = ({ better, value }: Figure, than: Figure) =>
  better === 'more' ? than.value / value : value / than.value;

const better = (a: Figure, b: Figure | undefined) => (b && worse(b, a) < 1 ? b : a);

/** The figures of a part; where one is much worse than it was, the better of two runs. */
function measured(part: Part, kept: ReadonlyMap<string, Figure>): Figure[] {
  const first = run(part) ?? [];
  const isWorse = (figure: Figure) => {
    const before = kept.get(figure.name);
    return before !== undefined && worse(figure, before) > WORSE;
  };
  if (!first.some(isWorse)) return first;
  const second = new Map((run(part) ?? []).map((figure) => [figure.name, figure]));
  return first.map((figure) => better(figure, second.get(figure.name)));
}

const shown = ({ value, unit }: Pick<Figure, 'value' | 'unit'>) =>
  unit === 'times'
    ? `${value.toFixed(2)} ×`
    : `${value < 10 ? value.toFixed(2) : Math.round(value)} ${unit}`;

function lineOf(figure: Figure, before: Figure | undefined): string[] {
  const { name, ask, unit, better } = figure;
  const change = before ? worse(figure, before) : undefined;
  const met = ask === undefined || (better === 'more' ? figure.value >= ask : figure.value <= ask);
  return [
    name,
    shown(figure),
    before ? shown(before) : '–',
    change === undefined ? '–' : (1 / change).toFixed(2),
    ask === undefined ? '' : `${better === 'more' ? '≥' : '≤'} ${shown({ value: ask, unit })}`,
    change !== undefined && change > WORSE ? 'WORSE' : met ? '' : 'short',
  ];
}

function main(): void {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, keep: { type: 'boolean', default: false } },
  });
  const machine = machineName();
  const name = `all_${machine}`;
  const before = keptResults<Kept>(name);
  const kept = new Map(before?.figures.map((figure) => [figure.name, figure]));
  const chosen = values.only?.split(',') ?? Object.keys(parts);
  const load = loadavg()[0];
  const figures = chosen.flatMap((part) => {
    if (!parts[part])
      throw new RangeError(`--only knows ${Object.keys(parts).join()}, found ${part}`);
    console.log(`\n${part}`);
    return measured(parts[part], kept);
  });
  const lines = figures.map((figure) => lineOf(figure, kept.get(figure.name)));
  console.log(`\n${machine}, load ${load.toFixed(1)} before`);
  console.log(
    drawTable(['figure', 'now', 'kept', 'times as good', 'asked', ''], lines, {
      aligns: ['left', 'right', 'right', 'right', 'right', 'left'],
      compact: true,
    }),
  );
  if (!before || values.keep) {
    const others = [...kept.values()].filter(
      ({ name }) => !figures.some((figure) => figure.name === name),
    );
    writeResults(name, { machine, load, figures: [...others, ...figures] }, { save: true });
  }
  const failed = figures.filter((figure) => {
    const than = kept.get(figure.name);
    return than !== undefined && worse(figure, than) > WORSE;
  });
  if (failed.length === 0) return;
  console.error(
    `\n${failed.length} of ${figures.length} figures are a fifth worse than what is kept of this machine:\n${failed.map((figure) => `  ${figure.name}: ${shown(figure)}, was ${shown(kept.get(figure.name) as Figure)}`).join('\n')}`,
  );
  process.exitCode = 1;
}

main();
