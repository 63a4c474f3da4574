import { modelInputs } from '../onnx/model-inputs.js';
import type { SessionValue } from '../runtime/session.js';
import { BATCH } from './batch-axis.js';
import type { ModelCard } from './card/card.js';
import type { ModelFile } from './model-file.js';
import type { Budgets } from './reduction-plan.js';
import { clipSpec, takesOneClip } from './stimuli/input-plan.js';
import { BATCHES_AT_ONCE } from './stimuli/stimulus-feed.js';
import type { StimulusSize } from './stimuli/stimulus-size.js';

/**
 * The card with the layout, the number of frames and their sampling in it where a network takes clips, whether card or graph says
 * them: keys of caches, inputs of scores and provenance then have them. The card of a network of images is as it was.
 * @throws VentralError `input-mismatch` for axes that neither card nor graph explains, `memory-exceeded` for too large clips
 */
export function withClip(
  { model, name }: Pick<ModelFile, 'model' | 'name'>,
  card: ModelCard,
): ModelCard {
  const inputs = modelInputs(model);
  if (!inputs.every(({ dims, dtype }) => dims !== undefined && dtype !== null)) return card;
  const input = clipSpec(inputs as readonly SessionValue[], card.input, name);
  return input ? { ...card, input } : card;
}

/** What the clips of a network of videos take; nothing of a network of images. */
export function clipBudget(
  { file, card }: { readonly file: Pick<ModelFile, 'model'>; readonly card: ModelCard },
  sizes: readonly (StimulusSize | undefined)[],
): Pick<Budgets, 'clips'> {
  const { frames } = card.input;
  if (frames === undefined) return {};
  const inputs = modelInputs(file.model);
  const batch = takesOneClip(inputs) ? 1 : (inputs[0]?.batch ?? BATCH);
  const pixels = sizes.map((size) => (size ? size.width * size.height : 0));
  const bytes = 4 * 3 * frames * Math.max(0, ...pixels) * batch * BATCHES_AT_ONCE;
  return { clips: { batch, bytes } };
}
