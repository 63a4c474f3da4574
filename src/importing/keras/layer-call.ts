import type { LayerConfig } from './layer-config.js';
import type { NetworkGraph, Value } from './network-graph.js';
import type { Weight } from './operations.js';

/** One call of a layer, as a translation sees it. */
export interface CallContext {
  readonly graph: NetworkGraph;
  readonly config: LayerConfig;
  readonly inputs: readonly Value[];
  /** The only input. */
  readonly input: Value;
  /** A weight by its role (see weightRoles). */
  weight(role: string): Weight;
  /** The same, undefined if the layer has none. */
  optional(role: string): Weight | undefined;
}

/** Builds a layer's value. */
export type LayerTranslation = (call: CallContext) => Value;

/** An axis of the value, the batch counted, never the batch itself. */
export function axisOf(config: LayerConfig, value: Value, field: string): number {
  const given = config.raw(field) ?? -1;
  const one = Array.isArray(given) && given.length === 1 ? given[0] : given;
  const rank = value.shape.length + 1;
  const axis = typeof one === 'number' && one < 0 ? one + rank : one;
  if (Number.isInteger(axis) && (axis as number) > 0 && (axis as number) < rank) {
    return axis as number;
  }
  throw config.refuse(field, `an axis from 1 to ${rank - 1}`, given);
}
