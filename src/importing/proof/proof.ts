import { VentralError } from '../../errors/ventral-error.js';
import { RandomState } from '../../numerics/random/random-state.js';
import type { Model } from '../../onnx/model.js';
import type { Tensor } from '../../runtime/session.js';
import type { Imported, MatchedLayer, SourceRuntime } from '../source/imported.js';
import {
  compareLayer,
  GraphValues,
  inGraphOrder,
  type LayerDifference,
  transposeAxes,
} from './compare-layers.js';

/**
 * Largest difference of a layer relative to its own largest element. float32 sums of a few thousand
 * products, added in another order, differ by some 1e-6; a wrong epsilon, padding or weight by more
 * than 1e-3. Between them there is room on both sides.
 */
const TOLERANCE = 1e-4;

/** A layer whose values are all smaller is compared as if they reached this: its rounding comes from larger ones before it. */
const SMALLEST_SCALE = 1e-2;

/** What the comparison with a source has shown. */
export interface Proof {
  /** The runtime or the file that the source's numbers come from. */
  readonly by: string;
  readonly tolerance: number;
  /** In the order of the graph. */
  readonly layers: readonly LayerDifference[];
  /** Layers of the source that have no value in the graph, and why. */
  readonly notCompared: readonly { readonly layer: string; readonly why: string }[];
  /** Batch norms that hold their activation in the source, and were compared after it. */
  readonly withActivation?: readonly string[];
}

/** Outputs of a source for one input. */
export interface SourceOutputs {
  readonly by: string;
  /** As the graph takes it. */
  readonly input: Tensor;
  readonly layers: readonly MatchedLayer[];
  readonly outputs: AsyncIterable<{ readonly layer: string; readonly output: Tensor }>;
  readonly notCompared?: Proof['notCompared'];
}

/** Layers of a source that its own runtime computes, for one made input. */
export function runtimeOutputs(imported: Imported, source: SourceRuntime): SourceOutputs {
  const { layers, inputAxes = source.dims.map((_, i) => i) } = imported;
  const dims = inputAxes.map((_, i) => source.dims[inputAxes.indexOf(i)]);
  const input = syntheticImage(dims);
  return { by: source.name, input, layers, outputs: source.run(transposeAxes(input, inputAxes)) };
}

/** How far a pixel of {@link syntheticImage} may be from the smooth image under it. */
const GRAIN = 0.1;

/**
 * An input like an image, smooth with some grain, between 0.15 and 0.85; the same every time. On white noise,
 * which no network was made for, layers grow beyond what images give, and their rounding with them.
 */
export function syntheticImage(dims: readonly number[]): Tensor {
  const count = dims.reduce((product, size) => product * size, 1);
  const [height, width] = [dims.at(-2) ?? 1, dims.at(-1) ?? 1];
  const grain = new RandomState(0).randomSample(count);
  const data = Float32Array.from(grain, (each, i) => {
    const row = Math.floor(i / width);
    const [channel, y, x] = [Math.floor(row / height), row % height, i % width];
    const wave = Math.sin((7 * x) / width + channel) * Math.cos((5 * y) / height - channel);
    return 0.5 + wave / 4 + GRAIN * (2 * each - 1);
  });
  return { dtype: 'float32', dims, data };
}

/**
 * Compares every layer that the source gives with its value in the graph.
 * @throws VentralError `import-differs` naming the first layer, in the order of the graph, that differs by more
 *   than {@link TOLERANCE}; and where the source gives no layer at all
 */
export async function prove(model: Model, source: SourceOutputs, threads?: number): Promise<Proof> {
  const ordered = inGraphOrder(model, source.layers);
  const values = new GraphValues(
    model,
    source.input,
    ordered.map(({ value }) => value),
    threads,
  );
  // In a session of their own: most layers need none of them.
  const others = new GraphValues(
    model,
    source.input,
    ordered.flatMap(({ otherwise = [] }) => otherwise),
    threads,
  );
  const matched = new Map(ordered.map((layer) => [layer.layer, layer]));
  const found = new Map<string, LayerDifference>();
  const wrongShapes = new Map<string, VentralError>();
  const withActivation: string[] = [];
  for await (const { layer, output } of source.outputs) {
    const match = matched.get(layer);
    if (match === undefined) continue;
    const graph = await values.get(match.value);
    try {
      const difference = compareLayer(match, output, graph);
      const fused = isWithin(difference) ? undefined : await fitting(match, output, others);
      found.set(layer, fused ?? difference);
      if (fused) withActivation.push(layer);
    } catch (error) {
      if (!(error instanceof VentralError)) throw error;
      wrongShapes.set(layer, error);
    }
  }
  const by = source.by;
  const layers = inOrder(ordered, found, wrongShapes, by);
  return {
    ...{ by, tolerance: TOLERANCE, layers, notCompared: source.notCompared ?? [] },
    ...(withActivation.length > 0 && { withActivation }),
  };
}

/** The comparison with the first value that the layer may be instead, and is. */
async function fitting(
  match: MatchedLayer,
  output: Tensor,
  others: GraphValues,
): Promise<LayerDifference | undefined> {
  for (const value of match.otherwise ?? []) {
    const difference = compareLayer({ ...match, value }, output, await others.get(value));
    if (isWithin(difference)) return difference;
  }
  return undefined;
}

function inOrder(
  ordered: readonly MatchedLayer[],
  found: ReadonlyMap<string, LayerDifference>,
  wrongShapes: ReadonlyMap<string, VentralError>,
  by: string,
): LayerDifference[] {
  const layers: LayerDifference[] = [];
  for (const { layer } of ordered) {
    const wrong = wrongShapes.get(layer);
    if (wrong !== undefined) throw wrong;
    const difference = found.get(layer);
    if (difference === undefined) continue;
    if (!isWithin(difference)) throw differs(difference, by);
    layers.push(difference);
  }
  if (layers.length > 0) return layers;
  throw new VentralError('import-differs', `${by} has no layer of the imported network`, {
    expected: 'layers to compare',
    found: 'none',
  });
}

const isWithin = ({ difference, largest }: LayerDifference) =>
  difference <= TOLERANCE * Math.max(largest, SMALLEST_SCALE);

function differs({ layer, value, difference, largest }: LayerDifference, by: string): VentralError {
  const [off, size] = [difference, largest].map((number) => number.toPrecision(3));
  return new VentralError(
    'import-differs',
    `The imported network differs from ${by} first at layer ${layer} (value ${value}): by ${off}, where its largest value is ${size} and ${TOLERANCE} of it is allowed; nothing was written`,
    { field: layer, expected: `a difference of at most ${TOLERANCE} of ${size}`, found: off },
  );
}
