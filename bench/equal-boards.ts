import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { RandomState } from '../src/numerics/random/random-state.js';
import { compareFamily } from '../src/numerics/statistics/compared-family.js';
import { studentQuantile } from '../src/numerics/statistics/max-t.js';
import { stepDown } from '../src/numerics/statistics/step-down.js';

/**
 * How often a board of ten equal models has any false separation. Values are means over units; a unit has an effect that all models
 * share and one of each model. Beside the rule of boards: the drawn quantile alone, and its Student's t.
 *
 *   node dist/bench/equal-boards.js [--boards 1000] [--json bench/results/equal-boards.json]
 */

const MODELS = 10;
const DRAWS = 1000;
const LEVEL = 0.05;
const UNITS = [12, 30, 100];

interface Verdict {
  readonly drawn: boolean;
  readonly student: boolean;
  readonly board: boolean;
}

function equalBoard(units: number, seed: number): Verdict {
  const random = new RandomState(seed);
  const shared = random.standardNormal(units);
  const effects = Array.from({ length: MODELS }, () =>
    Float64Array.from(random.standardNormal(units), (own, u) => own + shared[u]),
  );
  const meanOf = (row: Float64Array, drawn: ArrayLike<number>) => {
    let sum = 0;
    for (let k = 0; k < units; k++) sum += row[drawn[k]];
    return sum / units;
  };
  const all = Array.from({ length: units }, (_, u) => u);
  const both = effects.map(() => new Float32Array(DRAWS));
  for (let r = 0; r < DRAWS; r++) {
    const drawn = all.map(() => random.interval(units - 1));
    effects.forEach((row, m) => {
      both[m][r] = meanOf(row, drawn);
    });
  }
  const values = effects.map((row) => meanOf(row, all));
  const compared = compareFamily({ values, both, sizes: { first: units } });
  const largest = compared.pairs.t.reduce((most, t) => Math.max(most, t), 0);
  const q = compared.largest.quantile(Number.POSITIVE_INFINITY, LEVEL);
  const { apart } = stepDown(compared, { level: LEVEL, degrees: units - 1 });
  return {
    drawn: largest > q,
    student: largest > studentQuantile(q, units - 1),
    board: apart.includes(1),
  };
}

const { values: options } = parseArgs({
  options: { boards: { type: 'string', default: '1000' }, json: { type: 'string' } },
});
const boards = Number(options.boards);
const sizes = UNITS.map((units) => {
  const verdicts = Array.from({ length: boards }, (_, k) => equalBoard(units, 1000 * units + k));
  const share = (of: keyof Verdict) => verdicts.filter((each) => each[of]).length / boards;
  return { units, drawn: share('drawn'), student: share('student'), board: share('board') };
});
console.table(sizes);
if (options.json) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const result = { version, boards, models: MODELS, draws: DRAWS, level: LEVEL, sizes };
  writeFileSync(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
}
