import { Session } from '../../runtime/session.js';
import { pgd } from '../attack/gradient-attacks.js';
import type { Threat } from '../attack/threat.js';
import type { ExampleBatch } from '../augment/make-batch.js';
import {
  type AttackedNetwork,
  crossEntropyOf,
  normalised,
  type PixelNormalisation,
} from '../step/attacked-network.js';

/** How a network does on images that it did not learn from. */
export interface Validation {
  readonly loss: number;
  readonly accuracy: number;
  readonly count: number;
}

/**
 * Loss and accuracy over examples.
 * @throws what the runtime throws
 */
export async function validate(
  bytes: Uint8Array,
  examples: AsyncIterable<ExampleBatch>,
  how: {
    readonly normalisation: PixelNormalisation;
    readonly threads: number;
    readonly side: number;
  },
): Promise<Validation> {
  const session = await Session.open(bytes, { name: 'the checkpoint', threads: how.threads });
  let [loss, correct, count] = [0, 0, 0];
  try {
    for await (const batch of examples) {
      const dims = [batch.labels.length, 3, how.side, how.side];
      const data = normalised(batch.pictures, dims, how.normalisation);
      const output = session.outputs[0].name;
      const found = await session.run(
        { [session.inputs[0].name]: { dtype: 'float32', dims, data } },
        [output],
      );
      const logits = found[output].data as Float32Array;
      const classes = logits.length / batch.labels.length;
      for (let row = 0; row < batch.count; row++) {
        const of = logits.subarray(row * classes, (row + 1) * classes);
        loss += crossEntropyOf(of, batch.labels[row]);
        if (of.indexOf(Math.max(...of)) === batch.labels[row]) correct++;
        count++;
      }
    }
  } finally {
    await session.close();
  }
  return { loss: loss / count, accuracy: correct / count, count };
}

/** Share of examples that PGD-10 leaves right, of a network that is trained. */
export async function robustAccuracy(
  target: AttackedNetwork,
  examples: AsyncIterable<ExampleBatch>,
  threat: Threat,
): Promise<number> {
  let [correct, count] = [0, 0];
  for await (const batch of examples) {
    // Rows behind the last example have no class: any will do, they are not counted.
    const labels = Array.from(batch.labels, (label) => Math.max(0, label));
    const { fooled } = await pgd(target, { pictures: batch.pictures, labels }, threat, {
      steps: ROBUST_STEPS,
    });
    correct += fooled.slice(0, batch.count).filter((each) => !each).length;
    count += batch.count;
  }
  return correct / count;
}

/** Steps of the attack on validation images. */
export const ROBUST_STEPS = 10;
/** Validation images that are attacked after each epoch. */
export const ROBUST_COUNT = 256;
