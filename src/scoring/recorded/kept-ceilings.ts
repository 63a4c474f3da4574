import type { ContentCache } from '../../activations/cache/content-cache.js';
import type { Id } from '../../data/ids.js';
import type { Recordings } from '../../data/recordings.js';
import { digestibleOf } from '../../data/stored/recorded-values.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type Digestible, digestOf } from '../../formats/digest.js';
import type { RepeatedRecordings } from '../../metrics/internal-consistency.js';
import type { MetricResult } from '../../metrics/metric.js';
import { matrix } from '../../numerics/algebra/matrix.js';
import { numericsVersion } from '../../numerics/numerics-version.js';

/**
 * Ceilings by a digest of recordings and parameters; they depend on no model. A process computes each once, for all benchmarks
 * and models that share it, and the cache of a home keeps it for later runs.
 */

/** Raised when a stored ceiling changes in value or format. */
const VERSION = 1;

/** Values that a process holds: 10 splits of 800,000 neuroids. */
const MOST_VALUES = 8e6;

const known = new Map<string, MetricResult>();
const digests = new WeakMap<object, string>();

/** Recordings with their values in memory or not. */
type AnyRecordings = Omit<Recordings, 'values'> & Pick<RepeatedRecordings, 'values'>;

/** The key of a ceiling of recordings; `parameters` are everything else that its number depends on. */
export function ceilingKey(parameters: Digestible, recordings: AnyRecordings): string {
  let data = digests.get(recordings);
  if (data === undefined) {
    const { stimulusIds, repetition, neuroidIds, values, coords } = recordings;
    const images = coords?.get('image_id')?.values as readonly Id[] | undefined;
    const held = 'row' in values ? digestibleOf(values) : values;
    data = digestOf({ stimulusIds, repetition, neuroidIds, values: held, images });
    digests.set(recordings, data);
  }
  return `ceiling-${digestOf({ version: VERSION, numerics: numericsVersion, parameters, data })}`;
}

/** The ceiling of a key, computed where this process has not done so. */
export function ceilingOnce(key: string, make: () => MetricResult): MetricResult {
  const found = known.get(key) ?? make();
  remember(key, found);
  return found;
}

function remember(key: string, ceiling: MetricResult): void {
  known.delete(key);
  known.set(key, ceiling);
  const size = ({ neuroids }: MetricResult) => neuroids?.values.data.length ?? 0;
  let held = 0;
  for (const each of known.values()) held += size(each);
  for (const [oldest, each] of known) {
    if (held <= MOST_VALUES || oldest === key) break;
    known.delete(oldest);
    held -= size(each);
  }
}

/**
 * Lets {@link ceilingOnce} know what the cache has under a key; what it lacks is computed and kept.
 * @throws VentralError `interrupted`
 */
export async function bringCeiling(
  cache: Pick<ContentCache, 'get' | 'put' | 'has'> | undefined,
  key: string,
  make: () => MetricResult | Promise<MetricResult>,
): Promise<void> {
  if (await cache?.has(key)) {
    if (known.has(key)) return;
    const bytes = await cache?.get(key);
    const kept = bytes && read(bytes);
    if (kept) {
      remember(key, kept);
      return;
    }
  }
  let made: MetricResult;
  try {
    made = known.get(key) ?? (await make());
    remember(key, made);
  } catch (error) {
    if (VentralError.from(error).code === 'interrupted') throw error;
    // The error surfaces where the ceiling is used, after the earlier checks.
    return;
  }
  await cache?.put(key, written(made));
}

/** Text as JSON, whose length comes first; numbers as they are, since JSON has no NaN. */
function written(ceiling: MetricResult): Uint8Array[] {
  const { value, error, splits, neuroids, errorKind, warnings } = ceiling;
  const numbers = Float64Array.of(value, error, ...splits);
  const head = { errorKind, warnings, splits: splits.length, ids: neuroids?.ids };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const bytes = ({ buffer, byteOffset, byteLength }: Float64Array) =>
    new Uint8Array(buffer, byteOffset, byteLength);
  return [
    bytes(Float64Array.of(text.byteLength)),
    bytes(numbers),
    ...(neuroids ? [bytes(neuroids.values.data)] : []),
    text,
  ];
}

/** What {@link written} wrote; undefined for anything else, which another version or a hijacked process may have kept. */
function read(bytes: Uint8Array): MetricResult | undefined {
  try {
    return parsed(bytes);
  } catch {
    return undefined;
  }
}

function parsed(bytes: Uint8Array): MetricResult | undefined {
  const whole = bytes.slice();
  const [length] = new Float64Array(whole.buffer, 0, 1);
  const start = whole.byteLength - length;
  if (!(start >= 24) || start % 8 !== 0) return undefined;
  const head = JSON.parse(new TextDecoder().decode(whole.subarray(start)));
  const [value, error, ...rest] = new Float64Array(whole.buffer, 8, start / 8 - 1);
  const { splits, ids, errorKind, warnings } = head as Pick<
    MetricResult,
    'errorKind' | 'warnings'
  > & { readonly splits: number; readonly ids?: readonly Id[] };
  const values = Float64Array.from(rest.slice(splits));
  if (rest.length < splits || values.length !== (ids ? splits * ids.length : 0)) return undefined;
  if (typeof errorKind !== 'string' || !Array.isArray(warnings)) return undefined;
  return {
    value,
    error,
    errorKind,
    splits: rest.slice(0, splits),
    warnings,
    ...(ids ? { neuroids: { ids, values: matrix(splits, ids.length, values) } } : {}),
  };
}
