import { invalidPart } from './refusals.js';

/** Configurations of real networks have a few hundred thousand values, ten levels deep. */
const MOST_VALUES = 5_000_000;
const DEEPEST = 200;
/** Bytes of a configuration. */
export const MOST_JSON_BYTES = 64 * 2 ** 20;

/**
 * Parses JSON that may be anything.
 * @throws VentralError `checkpoint-invalid`
 */
export function parseJson(file: string, field: string, text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidPart(file, field, 'JSON', (error as Error).message);
  }
  // Level by level, without recursion: the depth is untrusted.
  let level: unknown[] = [value];
  let count = 0;
  for (let depth = 0; level.length > 0; depth++) {
    count += level.length;
    if (depth > DEEPEST)
      throw invalidPart(file, field, `JSON at most ${DEEPEST} levels deep`, 'deeper');
    if (count > MOST_VALUES)
      throw invalidPart(file, field, `at most ${MOST_VALUES} values`, 'more');
    level = level.flatMap((one) =>
      typeof one === 'object' && one !== null ? (Object.values(one) as unknown[]) : [],
    );
  }
  return value;
}
