import { ascending, type Id } from '../../data/ids.js';
import type { Recordings } from '../../data/recordings.js';
import { columnMeans, type Matrix, matrix } from '../../numerics/algebra/matrix.js';
import { shiftColumns } from '../../numerics/regression/ridge.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { type AveragedRecordings, averaged } from './averaged.js';

/** Averaged recordings, each neuroid without its mean over stimuli where the benchmark asks for it. */
export function centred(benchmark: Benchmark, recordings: Recordings): AveragedRecordings {
  const average = averaged(benchmark, recordings);
  if (benchmark.prepare?.centrePer === undefined) return average;
  const { values } = average;
  return { ...average, values: shiftColumns(values, columnMeans(values), -1) };
}

/** The mean of neuroids that agree in a coordinate, in ascending order of it: one population of several subjects. */
export function averagedOverSubjects(
  average: AveragedRecordings,
  { neuroidCoords }: Pick<Recordings, 'neuroidCoords'>,
  coordinate: string,
): AveragedRecordings {
  const values = (neuroidCoords?.get(coordinate)?.values ?? []) as readonly Id[];
  const distinct = [...new Set(values)];
  const ids = ascending(distinct).map((i) => distinct[i]);
  const columns = ids.map((id) => values.flatMap((own, k) => (own === id ? k : [])));
  return { ...average, neuroidIds: ids, values: meansOfColumns(average.values, columns) };
}

function meansOfColumns({ rows, cols, data }: Matrix, groups: readonly (readonly number[])[]) {
  const means = matrix(rows, groups.length);
  groups.forEach((group, k) => {
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (const col of group) sum += data[row * cols + col];
      means.data[row * groups.length + k] = sum / group.length;
    }
  });
  return means;
}
