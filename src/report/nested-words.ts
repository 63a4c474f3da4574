import type { LayerMap, NestedScore } from '../scoring/map/layer-map-types.js';
import { visibleName } from './visible-name.js';

/** A nested score of a map, or why there is none. */
export type NestedCell = NonNullable<LayerMap['nested']>[string];

/** True for one that has a score. */
export const isNested = (cell: NestedCell): cell is NestedScore => !('reason' in cell);

const LAYERS_SHOWN = 6;

/** Which layers were chosen in how many splits: `conv2 in 7 of 10 splits, conv3 in 3`. */
export function nestedLayers({ layers, splits }: NestedScore, width = 40): string {
  const [first, ...others] = layers.slice(0, LAYERS_SHOWN);
  const more = layers.length - LAYERS_SHOWN;
  const one = splits.length === 1 ? 'split' : 'splits';
  return [
    `${visibleName(first.layer, width)} in ${first.splits} of ${splits.length} ${one}`,
    ...others.map((each) => `${visibleName(each.layer, width)} in ${each.splits}`),
    ...(more > 0 ? [`${more} more`] : []),
  ].join(', ');
}

/** What a reader has to know of nested values, in a sentence. */
export const NESTED_WORDS =
  'Nested: of each split the layer was chosen within its training part and scored on its test part. A selected value is the highest of all layers on the stimuli that it is of, and so too high.';
