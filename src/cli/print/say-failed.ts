import type { FailedRows } from '../../scoring/map/failed-rows.js';
import type { LayerMap } from '../../scoring/map/layer-map-types.js';
import { type Score, whyNoValue } from '../../scoring/measure/score.js';
import { visibleText } from '../terminal/error-text.js';
import type { Io } from '../terminal/io.js';

/** Layers that a line names. */
const SHOWN = 4;

/** Says on stderr which scores have no value, and why. @returns how many */
export function sayWithoutValue(scores: readonly Score[], io: Io): number {
  const empty = scores.filter(({ value }) => value === null);
  for (const score of empty) {
    const { benchmark, layer } = score;
    io.err(visibleText(`ventral: ${benchmark}: layer ${layer} has no score: ${whyNoValue(score)}`));
  }
  return empty.length;
}

/** Says on stderr, each once, the remarks on card and benchmarks that the cells of a map carry. */
export function sayNotices({ layers }: Pick<LayerMap, 'layers'>, io: Io): void {
  const said = new Set<string>();
  for (const cell of layers.flatMap(({ cells }) => Object.values(cells))) {
    if ('reason' in cell) continue;
    for (const { code, detail } of cell.warnings) {
      if (code.startsWith('card-')) said.add(`${code}: ${detail}`);
      if (code.startsWith('benchmark-')) said.add(`${cell.benchmark}: ${code}: ${detail}`);
    }
  }
  for (const line of said) io.err(visibleText(line));
}

/** Says on stderr how many layers of a map have no value on each benchmark, with their names and reasons. */
export function sayFailed(rows: readonly FailedRows[], io: Io): void {
  for (const { benchmark, of, failed } of rows) {
    const names = failed.slice(0, SHOWN).map(({ layer, reason }) => `${layer} (${reason})`);
    const more = failed.length > SHOWN ? ` and ${failed.length - SHOWN} more` : '';
    const have = failed.length === 1 ? 'has' : 'have';
    const count = `${failed.length} of ${of} ${of === 1 ? 'layer' : 'layers'} ${have}`;
    io.err(visibleText(`ventral: ${benchmark}: ${count} no value: ${names.join(', ')}${more}`));
  }
}
