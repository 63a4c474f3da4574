import { visibleText } from './error-text.js';
import type { Io } from './io.js';

/** Says on stderr which of several models are one network in several precisions. */
export async function reportMixedPrecisions(paths: readonly string[], io: Io): Promise<void> {
  if (paths.length < 2) return;
  const { cardNear } = await import('../../activations/model-file.js');
  const { mixedPrecisions } = await import('../../activations/card/mixed-precisions.js');
  const cards = await Promise.all(paths.map(cardNear));
  const models = paths.map((path, i) => ({ name: path, path, source: cards[i]?.source }));
  for (const remark of mixedPrecisions(models)) io.err(visibleText(`warning: ${remark}`));
}
