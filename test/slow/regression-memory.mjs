import { neuralMetric } from '../../dist/src/metrics/table/metric-table.js';
import { matmul } from '../../dist/src/numerics/algebra/gemm.js';
import { matrix } from '../../dist/src/numerics/algebra/matrix.js';
import { RandomState } from '../../dist/src/numerics/random/random-state.js';
import { peakRssMiB } from '../../dist/src/runtime/peak-memory.js';

/** Fits made-up rows with a metric from their products, and prints the bytes that it took at the most, the products too. */

const [name, count] = process.argv.slice(2);
const rows = Number(count);
const [units, targets, held] = [60, 50, 40];
const random = new RandomState(7);
const x = matrix(rows, units, random.standardNormal(rows * units));
const gram = await matmul(x, x, { transposeB: true });
for (let i = 0; i < rows; i++) gram.data[i * (rows + 1)] += 5;
const y = matrix(rows - held, targets, random.standardNormal((rows - held) * targets));
for (let i = 0; i < y.rows; i++)
  for (let k = 0; k < targets; k++) y.data[i * targets + k] += 3 * x.data[i * units + k];
const rowsFrom = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const fold = { train: rowsFrom(0, rows - held), test: rowsFrom(rows - held, rows) };
const before = peakRssMiB();
const regress = neuralMetric(name).regression.ofGram({ gram, units, stimulusIds: [] }, {});
const { values } = await regress(fold, y);
if (!values.data.every(Number.isFinite)) throw new Error('a prediction is not finite');
const bytes = gram.data.byteLength + 2 ** 20 * (peakRssMiB() - before);
process.stdout.write(String(bytes));
