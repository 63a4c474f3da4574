import { digestOf } from '../formats/digest.js';
import { present } from '../formats/present.js';
import { numericsVersion } from '../numerics/numerics-version.js';
import { resolveLayer } from '../onnx/layers.js';
import type { Protocol } from '../properties/protocol.js';
import { runtimeIdentity } from '../runtime/session.js';
import { screenVersion } from '../screen/screen-version.js';
import type { ContentCache } from './cache/content-cache.js';
import { computedAs } from './exposed-values.js';
import type { Network } from './extract.js';
import { type KeptValue, keptValue, viewDtype, viewUnits } from './layer-view.js';
import type { Demand, SizedDemand } from './reduction-plan.js';
import type { Shown } from './stimuli/shown.js';
import { shownDigest } from './stimuli/stimulus-digest.js';
import type { StimulusSize } from './stimuli/stimulus-size.js';
import { type ValueShape, valueShapes } from './value-shapes.js';

/** Where reduced layers and shapes are looked up. */
interface SizeOptions {
  readonly threads?: number;
  readonly cache?: ContentCache | undefined;
}

/** Raised whenever a reduced layer changes on equal inputs. */
const VERSION = 1;

/** Demands with their sizes; those that are met by the same reduced layer are one. */
export async function sizeDemands(
  network: Network,
  shown: readonly Shown[],
  sizes: readonly (StimulusSize | undefined)[],
  demands: readonly Demand[],
  options: SizeOptions,
): Promise<SizedDemand[]> {
  const { file, card } = network;
  const keptOf = ({ layers }: Demand) =>
    layers.map((layer) => keptValue(file.model, card, resolveLayer(file.model, layer)));
  const all = demands.flatMap(keptOf);
  const values = [...new Set(all.map(({ value }) => value))];
  const needsDims = all.some(({ view }) => view);
  const shapes =
    values.length > 0 ? await shapesOfSets(network, values, sizes, options, needsDims) : [];
  const nodes = file.model.graph.nodes;
  const order = new Map(nodes.flatMap(({ outputs }, i) => outputs.map((value) => [value, i])));
  const computed = new Map(values.map((value) => [value, computedAs(file, card, value)]));
  const sizedValue = (kept: KeptValue, set: number) => {
    const how = computed.get(kept.value)!;
    const size = sizeOf(kept, shapes[set].get(kept.value));
    // The mean over trials of whole numbers is none.
    const averaged = how.trials && size.dtype !== 'float32' ? { dtype: 'float64' as const } : {};
    const position = order.get(kept.value) ?? -1;
    return { ...kept, position, computed: how, ...size, ...averaged };
  };
  const digests = await Promise.all(shown.map(shownDigest));
  const byKey = new Map<string, SizedDemand & { readonly demands: Demand[] }>();
  for (const demand of demands) {
    const own = keptOf(demand).map((kept) => sizedValue(kept, demand.sets[0]));
    const units = own.reduce((sum, value) => sum + value.units, 0);
    const components =
      demand.components && units > demand.components.count ? demand.components : undefined;
    const form = components ? 'features' : demand.form(units);
    const { protocol } = shown[demand.sets[0]];
    const key = `${components ? 'components' : form}-${digestOf({
      version: VERSION,
      numerics: numericsVersion,
      screen: screenVersion,
      model: file.digest,
      card: JSON.stringify({ input: card.input, visual_degrees: card.visual_degrees }),
      values: own.map(({ value, computed, view }) => ({
        value,
        computed,
        ...(view ? { view: JSON.stringify(view) } : {}),
      })),
      shown: demand.sets.map((set) => digests[set]),
      // The columns of a table say where its images stand: equal images may map other places.
      ...(form === 'units' && protocol ? { protocol: mapping(protocol) } : {}),
      ...(components
        ? { components: { count: components.count, fitting: digests[components.set] } }
        : {}),
      runtime: runtimeIdentity(options.threads),
    })}`;
    const same = byKey.get(key);
    const cached = (await options.cache?.has(key)) ?? false;
    if (same) same.demands.push(demand);
    else
      byKey.set(key, {
        demands: [demand],
        sets: demand.sets,
        form,
        ...present({ components }),
        units,
        ...(form === 'units' && protocol ? { places: placesOf(protocol) } : {}),
        key,
        values: own,
        cached,
      });
  }
  return [...byKey.values()];
}

/** Units of a layer, and bytes that the network gives of it: 0 where the pass will say why there are none. */
function sizeOf({ id, view }: KeptValue, shape: ValueShape | undefined) {
  const none = { units: 0, dtype: 'float32' as const, whole: 0 };
  if (!shape) return none;
  const { units, dtype, dims } = shape;
  if (!view) return { units, dtype, whole: units };
  try {
    const own = viewUnits(view, dims ?? [], id);
    return { units: own, dtype: viewDtype(view, dtype), whole: units };
  } catch {
    return none;
  }
}

/** What of a protocol decides which units are kept. */
const mapping = ({ places, perPlace, stimulus, studies }: Protocol) => ({
  ...{ perPlace, studies, ys: places.ys, xs: places.xs },
  ...{ y: stimulus.y, x: stimulus.x },
});

const placesOf = ({ places: { ys, xs } }: Protocol) => ys.length * xs.length;

/** Shapes of the values by stimulus set; the network is run once for each size of picture. */
async function shapesOfSets(
  network: Network,
  values: readonly string[],
  sizes: readonly (StimulusSize | undefined)[],
  options: SizeOptions,
  needsDims: boolean,
): Promise<ReadonlyMap<string, ValueShape>[]> {
  const bySize = new Map<string, ReadonlyMap<string, ValueShape>>();
  const found: ReadonlyMap<string, ValueShape>[] = [];
  for (const size of sizes) {
    const key = JSON.stringify(size ?? null);
    const shapes =
      bySize.get(key) ?? (await valueShapes(network, values, size, options, needsDims));
    bySize.set(key, shapes);
    found.push(shapes);
  }
  return found;
}
