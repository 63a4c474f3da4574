import { VentralError } from '../errors/ventral-error.js';
import { digestOf } from '../formats/digest.js';
import { present } from '../formats/present.js';
import { exposeValues } from '../onnx/expose.js';
import { Session } from '../runtime/session.js';
import type { ContentCache } from './cache/content-cache.js';
import type { Network } from './extract.js';
import { keptDtype } from './numbers.js';
import type { KeptDtype } from './scratch/activation-store.js';
import { emptyPicture } from './stimuli/empty-picture.js';
import { takesOneClip, unitAxes } from './stimuli/input-plan.js';
import type { StimulusSize } from './stimuli/stimulus-size.js';

/** Size of a value for one image, and its dtype. */
export interface ValueShape {
  readonly units: number;
  readonly dtype: KeptDtype;
  /** Its axes, that of the batch first; absent in entries of earlier versions. */
  readonly dims?: readonly number[];
}

/**
 * The shapes of values for an image of that size (undefined: as the card or the graph says), found by
 * running the network once on an empty image; kept in the cache, so that a network that was seen before
 * is not run for them.
 * @param needsDims whether entries without axes are made again
 */
export async function valueShapes(
  network: Network,
  values: readonly string[],
  size: StimulusSize | undefined,
  options: { readonly threads?: number; readonly cache?: ContentCache | undefined },
  needsDims = false,
): Promise<ReadonlyMap<string, ValueShape>> {
  const { file, card } = network;
  const input = JSON.stringify(card.input);
  const key = `shapes-${digestOf({ model: file.digest, input, size: size && { ...size }, values })}`;
  const bytes = await options.cache?.get(key);
  const known: [string, ValueShape][] = bytes && JSON.parse(new TextDecoder().decode(bytes));
  if (known?.every(([, { dims }]) => dims || !needsDims)) return new Map(known);
  const session = await Session.open(exposeValues(file.model, values), {
    name: file.name,
    operators: 'as written',
    ...present({ threads: options.threads }),
  });
  try {
    const feeds = Object.fromEntries(
      session.inputs.map((input) => [input.name, emptyPicture(input, { ...file, card }, size)]),
    );
    const outputs = await session.run(feeds, values);
    const alone = takesOneClip(session.inputs);
    const shapes = new Map(
      values.flatMap((value) => {
        const tensor = outputs[value];
        const units = unitAxes(tensor.dims, alone).reduce((product, size) => product * size, 1);
        const dtype = dtypeOf(tensor, value);
        return dtype ? [[value, { units, dtype, dims: tensor.dims }] as const] : [];
      }),
    );
    await options.cache?.put(key, [new TextEncoder().encode(JSON.stringify([...shapes]))]);
    return shapes;
  } finally {
    await session.close();
  }
}

/** Undefined for words, which the pass refuses by name. */
function dtypeOf(tensor: Parameters<typeof keptDtype>[0], value: string): KeptDtype | undefined {
  try {
    return keptDtype(tensor, value);
  } catch (error) {
    if (error instanceof VentralError) return undefined;
    throw error;
  }
}
