import { expect, test } from 'vitest';
import { type FlooredScore, printScores } from '../../../src/cli/print/print-scores.js';
import { floorOf, withLeak } from '../../../src/scoring/floor/floor.js';
import type { Score } from '../../../src/scoring/measure/score.js';
import { madeMap } from '../made-map.js';

const map = madeMap();
const score = {
  ...(map.layers[18].cells[map.benchmarks[0]] as Score),
  ...{ value: 0.3, warnings: [] },
};
score.raw = { ...score.raw, value: 0.5 };
const runs = Array.from({ length: 19 }, (_, i) => [0.1 + i / 100, 0.2 + i / 100] as const);
const labels = withLeak(floorOf('labels', [0.3, 0.3], runs, 0), 0, 4);
const floored: FlooredScore = {
  ...score,
  floors: { rows: floorOf('rows', [0.3, 0.5], runs, 0), labels },
};

function printed(scores: readonly FlooredScore[], columns?: number, csv = false) {
  const [out, err]: string[][] = [[], []];
  const io = { interactive: false, color: false, ...(columns && { columns }) };
  printScores(
    { scores, failures: [] },
    { csv, verbose: false },
    { ...io, out: (text) => out.push(text), err: (text) => err.push(text) },
  );
  return { out: out.join(''), err: err.join('\n') };
}

test('a terminal gets a line for each floor, and what a reader must not miss', () => {
  const { out, err } = printed([floored], 200);
  expect(out).toContain(
    'permuted rows (19 runs) reach 0.280, raw 0.380; the score lies 0.020 above (p 0.050), raw 0.120 (p 0.050)',
  );
  expect(out).toContain('labels leak');
  expect(err).toMatch(/: labels-leak: with permuted labels raw is still 0\.290 \(mean of 19 runs/);
  const inside = { ...score, floors: { rows: floorOf('rows', [0.3, 0.3], runs, 0) } };
  expect(printed([inside], 200).out).toContain('inside its floor (rows)');
});

test('a pipe and CSV get columns of the nulls that were run, at the end', () => {
  for (const csv of [false, true]) {
    const cells = (scores: readonly FlooredScore[]) =>
      printed(scores, undefined, csv)
        .out.split('\n')
        .map((line) => line.split(csv ? ',' : '\t'));
    const [plain] = cells([score]);
    const [head, row, without] = cells([floored, score]);
    expect(head.slice(0, plain.length)).toEqual(plain);
    const own = head.slice(plain.length);
    expect(own).toHaveLength(14);
    expect(own.slice(0, 4)).toEqual([
      'rows_runs',
      'rows_value_floor',
      'rows_value_above',
      'rows_value_p',
    ]);
    expect(row.slice(-14, -12)).toEqual(['19', '0.28']);
    expect(without.slice(-14).join('')).toBe('');
  }
});
