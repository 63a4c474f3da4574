import type { RegionLayerChoice } from '../../activations/card/card.js';

/** Bytes of a picture's SHA-256 that a card keeps: among 10,000 pictures two agree by chance once in 10⁶ cards. */
const KEPT = 6;

/**
 * The pictures that a choice saw, as a card records them (`region_layer_choice`, `stimuli`).
 * @param digests SHA-256 of each picture, hexadecimal
 */
export function recordStimuli(digests: Iterable<string>): string {
  const heads = new Set([...digests].map(head));
  return Buffer.from([...heads].sort().join(''), 'hex').toString('base64');
}

/**
 * Whether a choice saw any of these pictures: a score on them is then a selection, not a test (design §3).
 * @param digests SHA-256 of each picture that the score judges by, hexadecimal: those of a read-out's test
 * set, not of its fitting set
 */
export function sharesStimuli(
  choice: Pick<RegionLayerChoice, 'stimuli'>,
  digests: Iterable<string>,
): boolean {
  const bytes = Buffer.from(choice.stimuli, 'base64');
  const seen = new Set<string>();
  for (let at = 0; at + KEPT <= bytes.length; at += KEPT)
    seen.add(bytes.toString('hex', at, at + KEPT));
  for (const digest of digests) if (seen.has(head(digest))) return true;
  return false;
}

const head = (digest: string) => digest.slice(0, 2 * KEPT);
