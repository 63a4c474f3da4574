import { chosenScore, type MapColumn } from '../../report/map-columns.js';
import { interval, threeDigits } from '../../report/map-text.js';
import {
  isNested,
  NESTED_WORDS,
  type NestedCell,
  nestedLayers,
} from '../../report/nested-words.js';
import { visibleName } from '../../report/visible-name.js';
import type { LayerMap } from '../../scoring/map/layer-map-types.js';
import type { PlainCell } from './print-rows.js';

type Nested = NonNullable<LayerMap['nested']>;

/** The nested value of each benchmark beside the selected one, as lines. */
export function nestedText(map: LayerMap, columns: readonly MapColumn[], nested: Nested): string {
  const lines = columns.flatMap(({ title, benchmark }) => {
    const cell: NestedCell | undefined = nested[benchmark];
    if (!cell) return [];
    return `${title}: ${isNested(cell) ? told(map, benchmark, cell) : visibleName(cell.reason)}\n`;
  });
  return `\n${NESTED_WORDS}\n${lines.join('')}`;
}

function told(
  map: LayerMap,
  benchmark: string,
  cell: Extract<NestedCell, { readonly value: unknown }>,
): string {
  const selected = threeDigits(chosenScore(map, benchmark)?.value);
  return `nested ${threeDigits(cell.value)} (95 % interval ${interval(cell.ci)}), selected ${selected}; ${nestedLayers(cell)}`;
}

/** The same as a table for pipes. */
export function nestedTable(map: LayerMap, columns: readonly MapColumn[], nested: Nested) {
  const head = [
    ...['benchmark', 'nested_value', 'ci_low', 'ci_high', 'raw', 'selected_value'],
    ...['nested_layers', 'reason'],
  ];
  const rows = columns.flatMap(({ benchmark }): PlainCell[][] => {
    const cell: NestedCell | undefined = nested[benchmark];
    if (!cell) return [];
    const selected = chosenScore(map, benchmark)?.value ?? null;
    if (!isNested(cell)) return [[benchmark, null, null, null, null, selected, null, cell.reason]];
    const [low, high] = cell.ci ?? [null, null];
    const layers = cell.layers.map(({ layer, splits }) => `${layer}=${splits}`).join(' ');
    return [[benchmark, cell.value, low, high, cell.raw.value, selected, layers, null]];
  });
  return { head, rows };
}
