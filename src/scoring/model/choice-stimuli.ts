import type { RegionLayerChoice } from '../../activations/card/card.js';

/**
 * Bytes of a stimulus's SHA-256 in a card: among 10,000 stimuli two agree by chance once in 10⁶ cards.
 */
const KEPT = 6;

/**
 * The stimuli of a choice, as a card records them (`region_layer_choice`, `stimuli`).
 * @param digests SHA-256 of each stimulus, hexadecimal
 */
export function recordStimuli(digests: Iterable<string>): string {
  const heads = new Set([...digests].map(head));
  return Buffer.from([...heads].sort().join(''), 'hex').toString('base64');
}

/**
 * Whether a choice used any of these stimuli: a score on them is then a selection, not a test (design §3).
 * @param digests SHA-256 of each image that the score judges by, hexadecimal: those of a read-out's test
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
