import type { CardSource } from '../../activations/model-file.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { LabelledSource } from '../data/labelled-set.js';
import { openLabelledSet } from '../data/open-labelled-set.js';
import { evaluateRobustness, type RobustnessOptions } from './evaluate-robustness.js';
import { openAttackedModel } from './open-attacked-model.js';
import { prepareExamples } from './prepared-examples.js';
import type { Robustness } from './robustness.js';

/** What `ventral attack` is asked. */
export interface AttackRequest extends Pick<RobustnessOptions, 'threats' | 'seed'> {
  readonly model: { readonly path: string } & CardSource;
  readonly data: LabelledSource;
  /** Examples that are drawn; the whole set if it has no more. */
  readonly count: number;
  /** Images in a pass; what the graph insists on goes before. */
  readonly batch: number;
}

/** What the work may use, and who listens. */
export interface AttackContext extends Pick<RobustnessOptions, 'signal' | 'progress'> {
  readonly threads: number;
  /** Bytes that a batch of images may take. */
  readonly maxMemory: number;
}

/** Robustness of a network on a set, with what both are. */
export interface AttackReport extends Robustness {
  readonly name: string;
  /** `sha256:…` of the network. */
  readonly model: string;
  readonly data: { readonly digest: string; readonly examples: number; readonly seed: number };
}

/** Copies of a batch in memory: images, normalised, gradient, and those of each search. */
const COPIES = 8;

/**
 * Evaluates a network of the user's on a labelled set.
 * @throws VentralError of whatever is wrong with network, card or set; `memory-exceeded`; `interrupted`
 */
export async function attackModel(
  request: AttackRequest,
  { threads, maxMemory, signal, progress }: AttackContext,
): Promise<AttackReport> {
  const { path, ...source } = request.model;
  const { threats, seed, count } = request;
  const { file, ...attacked } = await openAttackedModel(path, source);
  const set = await openLabelledSet(request.data, process.cwd());
  try {
    const examples = await prepareExamples(set, attacked, { count, seed });
    const { height, width } = examples;
    const dims = [attacked.batch ?? request.batch, 3, height, width];
    const bytes = dims.reduce((product, size) => product * size, 4 * COPIES);
    if (bytes > maxMemory)
      throw new VentralError(
        'memory-exceeded',
        `Batches of ${dims[0]} images of ${width} × ${height} pixels take ${bytes} bytes: use a smaller --batch or a larger --max-memory`,
      );
    const network = { model: attacked.model, dims, normalisation: attacked.input, threads };
    const options = {
      threats,
      seed,
      ...present({ signal, progress }),
    };
    const robustness = await evaluateRobustness(network, examples, options);
    const data = { digest: set.digest, examples: examples.indices.length, seed };
    return { name: file.name, model: file.digest, data, ...robustness };
  } finally {
    await set.close();
  }
}
