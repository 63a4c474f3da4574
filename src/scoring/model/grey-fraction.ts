import type { StimulusSet } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import { decodeImage } from '../../screen/decode.js';
import { placeOnScreen } from '../../screen/place-on-screen.js';
import type { Benchmark } from '../benchmark/benchmark.js';
import { shownAt } from '../benchmark/shown-stimuli.js';

const GREY = 128;

/**
 * The grey of a stimulus before a model that sees `degrees`, as Brain-Score's tests count it: pixels whose channels are
 * all 128, over the values of the image, three a pixel in RGB (spec §1.9).
 * @throws VentralError `stimuli-mismatch`, `image-missing`, `image-corrupt`, `degrees-mismatch`
 */
export async function greyFraction(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  { stimulus, degrees }: { readonly stimulus: string; readonly degrees: number },
): Promise<number> {
  const row = stimuli.ids.findIndex((id) => String(id) === stimulus);
  if (row < 0) {
    throw new VentralError(
      'stimuli-mismatch',
      `${stimuli.identifier} has no stimulus ${stimulus}, of which the grey is published`,
      { file: stimuli.identifier, field: 'stimulus_id', expected: stimulus },
    );
  }
  const source = shownAt(benchmark, stimuli).degrees?.[row] ?? degrees;
  const picture = await decodeImage(await stimuli.read(row), stimuli.filename(row));
  const { data, channels } = placeOnScreen(picture, { target: degrees, source });
  let grey = 0;
  for (let at = 0; at < data.length; at += channels)
    if (data.subarray(at, at + channels).every((value) => value === GREY)) grey++;
  return grey / data.length;
}
