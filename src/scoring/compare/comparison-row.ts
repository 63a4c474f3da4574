import { present } from '../../formats/present.js';
import type { ComparedBenchmark } from './comparison-ground.js';
import type { ComparisonRow } from './comparison-types.js';
import type { LayerPlace, Sampled } from './placed-scores.js';

/** The subject of a row. */
export interface RowOf {
  readonly checkpoint: string;
  readonly epoch: number | null;
  /** Digest of the network; null if it cannot be read. */
  readonly model: string | null;
  readonly benchmark: ComparedBenchmark;
  readonly map: ComparisonRow['map'];
  readonly placed?: LayerPlace | { readonly reason: string } | undefined;
}

/** The row of a score, or of the reason why there is none. */
export function comparisonRow(of: RowOf, sampled: Sampled): ComparisonRow {
  const { checkpoint, epoch, model, benchmark, map, placed } = of;
  const { id, loaded } = benchmark;
  const place = placed && 'layers' in placed ? placed : undefined;
  const head = {
    checkpoint,
    epoch,
    model,
    benchmark: id,
    region: loaded?.benchmark.region ?? null,
    simulated: loaded?.benchmark.simulated ?? id.startsWith('Simulated'),
    map,
    layer: place?.layers.join('+') ?? null,
    layerChoice: place?.choice ?? null,
    selection: place?.selection ?? false,
  };
  if ('reason' in sampled) {
    const none = { value: null, ci: null, raw: null, ceiling: null, inputs: null };
    return { ...head, ...none, reason: sampled.reason };
  }
  const { value, ci, generalises, raw, ceiling, provenance, warnings } = sampled.score;
  const row = {
    ...head,
    value,
    ci,
    ...present({ generalises }),
    raw: raw.value,
    ceiling: ceiling?.value ?? null,
    inputs: provenance.inputs,
  };
  if (value !== null) return row;
  const words = warnings.map(({ detail }) => detail).join('; ');
  return { ...row, reason: words || 'the value is not a finite number' };
}
