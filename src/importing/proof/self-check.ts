import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { nonFinite } from '../../numerics/algebra/non-finite.js';
import { inLayout } from '../../onnx/input-layout.js';
import type { Model } from '../../onnx/model.js';
import { modelInputs } from '../../onnx/model-inputs.js';
import { Session, type TensorData } from '../../runtime/session.js';
import { syntheticImage } from './proof.js';

/** Side of an image where the graph leaves it open. */
const SIDE = 224;
/** Frames of a clip where the graph leaves them open. */
const FRAMES = 16;

/**
 * What can be told of a network without its source: it runs, and what it gives is finite.
 * @throws VentralError `inference-failed` or `import-differs`
 * @param side of the image where the graph leaves it open
 */
export async function selfCheck(
  model: Model,
  bytes: Uint8Array,
  { side = SIDE, threads }: { readonly side?: number; readonly threads?: number },
): Promise<void> {
  const [input] = modelInputs(model);
  if (input.dtype !== 'float32') return;
  const layout = input.layout ?? (input.dims?.length === 5 ? 'NCTHW' : 'NCHW');
  const free = inLayout(layout, { N: 1, C: 3, T: FRAMES, H: side, W: side });
  const dims = (input.dims ?? free).map((size, axis) => size ?? free[axis] ?? 1);
  const session = await Session.open(bytes, {
    name: model.name,
    ...present({ threads }),
  });
  try {
    const outputs = await session.run({ [input.name]: syntheticImage(dims) });
    for (const [name, { data }] of Object.entries(outputs))
      requireFiniteOutput(name, data, model.name);
  } finally {
    await session.close();
  }
}

function requireFiniteOutput(name: string, data: TensorData, file: string): void {
  if (!(data instanceof Float32Array) && !(data instanceof Float64Array)) return;
  const bad = nonFinite(data);
  if (!bad) return;
  throw new VentralError(
    'import-differs',
    `${file} gives ${data[bad.first]} in ${name} for a test image: its weights are inconsistent; nothing was written`,
    { file, field: name, expected: 'finite outputs', found: String(data[bad.first]) },
  );
}
