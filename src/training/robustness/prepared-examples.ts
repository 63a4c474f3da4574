import { VentralError } from '../../errors/ventral-error.js';
import { coveredOutputs } from '../../metrics/label-task.js';
import { randomStream } from '../../numerics/random/random-stream.js';
import { type InputSpec, toPixels } from '../../screen/preprocess.js';
import type { LabelledSet } from '../data/labelled-set.js';
import type { EvaluatedExamples } from './evaluate-robustness.js';
import type { AttackedModel } from './open-attacked-model.js';

/** Examples of a set after preprocessing, with their digest. */
export interface PreparedExamples extends EvaluatedExamples {
  /** Positions in the set, ascending. */
  readonly indices: readonly number[];
  readonly height: number;
  readonly width: number;
}

/**
 * Examples of a set after the resize and crop of a card, in [0, 1]: all of them, or `count` that are drawn.
 * @throws VentralError `labels-uncovered`, naming classes, where the set has one that the head lacks;
 * `training-data-invalid`; `input-mismatch` for an image of another size than the first
 */
export async function prepareExamples(
  set: LabelledSet,
  { input, classes }: Pick<AttackedModel, 'input' | 'classes'>,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<PreparedExamples> {
  const columns = columnsOf(set, classes);
  const indices = drawn(set.labels.length, count, seed);
  if (indices.length === 0)
    throw new VentralError('training-data-invalid', 'The set has no image to attack');
  const { height, width } = await pixelsOf(set, indices[0], input);
  return {
    indices,
    height,
    width,
    labels: indices.map((index) => columns[set.labels[index]]),
    async picture(i) {
      const pixels = await pixelsOf(set, indices[i], input);
      if (pixels.height === height && pixels.width === width) return planes(pixels);
      throw new VentralError(
        'input-mismatch',
        `Image ${indices[i]} has ${pixels.width} × ${pixels.height} pixels, the first has ${width} × ${height}: set a crop, or resize to a square, in the card`,
        { field: 'input' },
      );
    },
  };
}

/** Ascending positions. */
function drawn(length: number, count: number, seed: number): number[] {
  if (count >= length) return Array.from({ length }, (_, index) => index);
  return randomStream(seed, 'examples to attack')
    .choice(length, count)
    .sort((a, b) => a - b);
}

/** The column of the logits of each class of the set. */
function columnsOf({ classes }: LabelledSet, head: AttackedModel['classes']): number[] {
  const outputs = coveredOutputs(head, classes);
  const several = outputs.findIndex(({ length }) => length !== 1);
  if (several < 0) return outputs.map(([column]) => column);
  throw new VentralError(
    'labels-uncovered',
    `Class ${classes[several]} stands for ${outputs[several].length} columns of the head: an attack needs one a class`,
    { field: 'logits.classes', found: classes[several] },
  );
}

async function pixelsOf(set: LabelledSet, index: number, input: InputSpec) {
  const { pixels, width, height } = await set.picture(index);
  return toPixels({ data: pixels, width, height, channels: 3 }, input);
}

/** Channels first, in [0, 1]. */
function planes({ data, width, height }: Awaited<ReturnType<typeof pixelsOf>>): Float32Array {
  const size = width * height;
  const picture = new Float32Array(3 * size);
  for (let i = 0; i < size; i++)
    for (let channel = 0; channel < 3; channel++)
      picture[channel * size + i] = data[3 * i + channel] / 255;
  return picture;
}
