import type { ModelCard } from '../../activations/card/card.js';
import type { CardSource, ModelFile } from '../../activations/model-file.js';
import { openNetwork } from '../../activations/open-network.js';
import { inputPlan } from '../../activations/stimuli/input-plan.js';
import { VentralError } from '../../errors/ventral-error.js';
import { exposeValues } from '../../onnx/expose.js';
import { resolveLayer } from '../../onnx/layers.js';
import { type Model, readModel } from '../../onnx/model.js';
import { Session } from '../../runtime/session.js';
import type { InputSpec } from '../../screen/preprocess.js';

/** A network that can be attacked: cut off behind its logits, and how it wants its images. */
export interface AttackedModel {
  readonly file: ModelFile;
  /** Its first output are the logits. */
  readonly model: Model;
  readonly input: InputSpec;
  /** Names of the columns of the logits. */
  readonly classes: 'imagenet-1k' | readonly string[];
  /** Images that the graph insists on in a batch. */
  readonly batch: number | null;
}

/**
 * Opens a network as `ventral score` does, and finds the logits that its card names.
 * @throws VentralError as {@link openNetwork}; `labels-uncovered` for a card without logits;
 * `layer-…`; `input-mismatch`; `training-unsupported` for images other than float32 with channels first
 */
export async function openAttackedModel(
  reference: string,
  source: CardSource,
): Promise<AttackedModel> {
  const { file, card } = await openNetwork({ ...source, path: reference });
  const { layer, classes } = logitsOf(file.name, card);
  const { value, selection } = resolveLayer(file.model, layer);
  if (selection) throw unsupported(file.name, 'logits that are a whole layer', layer);
  if (file.model.seeded?.has(value))
    throw unsupported(file.name, 'logits that draw no random numbers', layer);
  const bytes = exposeValues(file.model, [value]);
  const session = await Session.open(bytes, {
    ...{ name: file.name, threads: 1 },
    operators: 'as written',
  });
  try {
    const plan = inputPlan(session.inputs, card.input, { name: file.name, batch: 0 });
    if (plan.dtype !== 'float32') throw unsupported(file.name, 'an input of float32', plan.dtype);
    if (plan.spec.layout !== 'NCHW')
      throw unsupported(file.name, 'images in layout NCHW', plan.spec.layout);
    const columns = session.outputs[0].dims.at(-1);
    const wanted = classes === 'imagenet-1k' ? 1000 : classes.length;
    if (typeof columns === 'number' && columns !== wanted)
      throw new VentralError(
        'labels-uncovered',
        `${file.name}: the card names ${wanted} classes, and ${layer} has ${columns} columns`,
        { file: file.name, field: 'logits.classes' },
      );
    const batch = plan.batch === 0 ? null : plan.batch;
    return { file, model: readModel(bytes, file.name), input: plan.spec, classes, batch };
  } finally {
    await session.close();
  }
}

function logitsOf(name: string, { logits }: ModelCard): NonNullable<ModelCard['logits']> {
  if (logits) return logits;
  throw new VentralError(
    'labels-uncovered',
    `${name}: the card must say which layer holds the logits, and their classes: logits: { layer: NAME, classes: [...] }`,
    { file: name, field: 'logits' },
  );
}

const unsupported = (name: string, expected: string, found: string) =>
  new VentralError('training-unsupported', `${name}: attacks need ${expected}, found ${found}`, {
    file: name,
    field: 'input',
    expected,
    found,
  });
