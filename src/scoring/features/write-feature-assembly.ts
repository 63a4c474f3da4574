import type { ActivationStore } from '../../activations/scratch/activation-store.js';
import { type Coordinate, writeAssembly } from '../../data/assembly.js';
import type { Id } from '../../data/ids.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type FeatureProvenance, PROVENANCE } from './feature-file.js';

/** netCDF assemblies are made in memory: beyond this, npz or arrow take the activations row by row. */
const LARGEST = 2 ** 30;

/**
 * Writes features as a BrainIO assembly, presentation × neuroid, with the neuroid coordinates of the
 * original (spec §5.4).
 * @throws VentralError `memory-exceeded` for more than 1 GiB of values
 */
export async function writeFeatureAssembly(path: string, content: FeatureContent): Promise<void> {
  const { ids, layers, provenance } = content;
  const stores = [...layers];
  const cols = stores.reduce((sum, [, { cols: units }]) => sum + units, 0);
  const single = stores.every(([, { dtype }]) => dtype === 'float32');
  const bytes = ids.length * cols * (single ? 4 : 8);
  if (bytes > LARGEST) {
    throw new VentralError(
      'memory-exceeded',
      `${path} would have ${Math.ceil(bytes / 2 ** 20)} MiB, the maximum of a netCDF file is ${LARGEST / 2 ** 20} MiB: write .npz or .arrow`,
      { file: path },
    );
  }
  const values = single ? new Float32Array(ids.length * cols) : new Float64Array(ids.length * cols);
  let start = 0;
  for (const [, store] of stores) {
    for (let row = 0; row < ids.length; row++)
      values.set(store.readRows(row, 1), row * cols + start);
    start += store.cols;
  }
  await writeAssembly(path, {
    dims: ['presentation', 'neuroid'],
    shape: [ids.length, cols],
    dtype: single ? 'float32' : 'float64',
    values,
    coords: new Map([...presentationCoords(content), ...neuroidCoords(content)]),
    attributes: { [PROVENANCE]: JSON.stringify(provenance) },
  });
}

function presentationCoords({ ids }: FeatureContent): [string, Coordinate][] {
  const numeric = ids.every((id) => typeof id === 'number');
  return [
    ['stimulus_id', { dim: 'presentation', dtype: numeric ? 'int64' : 'string', values: ids }],
  ];
}

function neuroidCoords({ layers, provenance }: FeatureContent): [string, Coordinate][] {
  const units = [...layers].flatMap(([layer, { cols }]) =>
    Array.from({ length: cols }, (_, number) => ({ layer, number })),
  );
  const text = (values: readonly string[]): Coordinate => ({
    dim: 'neuroid',
    dtype: 'string',
    values,
  });
  return [
    ['neuroid_id', text(units.map(({ layer, number }) => `${provenance.name}.${layer}.${number}`))],
    ['neuroid_num', { dim: 'neuroid', dtype: 'int64', values: units.map(({ number }) => number) }],
    ['model', text(units.map(() => provenance.name))],
    ['layer', text(units.map(({ layer }) => layer))],
  ];
}

/** Layers over stimuli, to be written to a file. */
export interface FeatureContent {
  readonly ids: readonly Id[];
  readonly layers: ReadonlyMap<string, ActivationStore>;
  readonly provenance: FeatureProvenance;
}
