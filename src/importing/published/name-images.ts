import { readFile } from 'node:fs/promises';
import type { ModelCard } from '../../activations/card/card.js';
import type { ModelFile } from '../../activations/model-file.js';
import { fromHalf, toHalf } from '../../activations/stimuli/half.js';
import { inputPlan } from '../../activations/stimuli/input-plan.js';
import { VentralError } from '../../errors/ventral-error.js';
import { exposeValues } from '../../onnx/expose.js';
import { resolveLayer } from '../../onnx/layers.js';
import { Session, type Tensor } from '../../runtime/session.js';
import { decodeImage } from '../../screen/decode.js';
import { normaliseInto, toGreyOrRgb } from '../../screen/preprocess.js';

/** An image and its class as a network names it. */
export interface NamedImage {
  readonly file: string;
  /** Index of the largest of the logits. */
  readonly found: number;
}

/**
 * Shows images to a network as its card says, not placed on a screen, and takes the largest of its logits.
 * @param paths PNG or JPEG files
 * @throws VentralError `input-mismatch`, `image-corrupt`, `inference-failed`
 */
export async function nameImages(
  { model, name }: ModelFile,
  card: ModelCard,
  paths: readonly string[],
): Promise<NamedImage[]> {
  const { logits } = card;
  if (logits === undefined)
    throw new VentralError('card-invalid', `${name}: its card has no logits`, { file: name });
  const { value } = resolveLayer(model, logits.layer);
  const session = await Session.open(exposeValues(model, [value]), { name });
  try {
    const plan = inputPlan(session.inputs, card.input, { name, batch: 1 });
    const named: NamedImage[] = [];
    for (const path of paths) {
      const pixels = toGreyOrRgb(await decodeImage(await readFile(path), path), plan.spec);
      const { width, height } = pixels;
      const data = new Float32Array(3 * width * height);
      normaliseInto(pixels, plan.spec, data);
      const dims = plan.spec.layout === 'NCHW' ? [1, 3, height, width] : [1, height, width, 3];
      const found = await session.run({ [plan.name]: fed(data, dims, plan.dtype) }, [value]);
      named.push({ file: path, found: largest(found[value]) });
    }
    return named;
  } finally {
    await session.close();
  }
}

function fed(data: Float32Array, dims: readonly number[], dtype: string): Tensor {
  if (dtype === 'float16') return { dtype, dims, data: toHalf(data) };
  if (dtype === 'uint8') return { dtype, dims, data: Uint8Array.from(data) };
  return { dtype: 'float32', dims, data };
}

function largest({ dtype, data }: Tensor): number {
  const values =
    dtype === 'float16' && data instanceof Uint16Array ? fromHalf(data) : (data as Float32Array);
  return values.indexOf(values.reduce((most, each) => Math.max(most, each)));
}
