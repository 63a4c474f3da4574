import type { LayerMap } from '../scoring/map/layer-map-types.js';
import type { Score } from '../scoring/measure/score.js';

/** A number of a score with three decimals; – without a value. */
export const threeDigits = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value.toFixed(3).replace(/^-(?=0\.000$)/, '');

/** An interval; – without one. */
export const interval = (ci: Score['ci']): string =>
  ci ? `${threeDigits(ci[0])} to ${threeDigits(ci[1])}` : '–';

/** A count with its thousands apart, `1,382,400`. */
export const thousands = (count: number): string => count.toLocaleString('en-GB');

/** Bytes in the unit that people give to `--max-memory`. */
export function bytesText(bytes: number): string {
  const unit = bytes >= 2 ** 30 ? 'GiB' : bytes >= 2 ** 20 ? 'MiB' : bytes >= 2 ** 10 ? 'KiB' : 'B';
  const size = bytes / { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 }[unit];
  return `${unit === 'B' || size >= 100 ? Math.round(size) : size.toFixed(1)} ${unit}`;
}

/** Units of the planned layers: `67 layers, 1,152 to 230,400 units each, 4,321,000 in all`. */
export function layersText(layers: LayerMap['plan']['layers']): string {
  const units = layers.map((layer) => layer.units);
  if (units.length === 0) return 'no layers to measure';
  const [low, high] = [Math.min(...units), Math.max(...units)];
  const each = low === high ? thousands(low) : `${thousands(low)} to ${thousands(high)}`;
  const all = units.reduce((sum, count) => sum + count, 0);
  const count = `${units.length} ${units.length === 1 ? 'layer' : 'layers'}`;
  return `${count}, ${each} units each, ${thousands(all)} in all`;
}

/** Stimuli and passes of one set of a plan: `315 stimuli, 1 pass, 3 layers from the cache`. */
export function setText({
  stimuli,
  fitting,
  passes,
  cached,
}: LayerMap['plan']['sets'][number]): string {
  const runs = `${passes.length} ${passes.length === 1 ? 'pass' : 'passes'} of the network`;
  const kept = cached > 0 ? `, ${cached} ${cached === 1 ? 'layer' : 'layers'} from the cache` : '';
  const images = fitting ? ` and ${thousands(fitting)} images for the components` : '';
  return `${thousands(stimuli)} stimuli${images}, ${passes.length === 0 ? 'no pass' : runs}${kept}`;
}
