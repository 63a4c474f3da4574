import { createHash } from 'node:crypto';
import { candidateLayers } from '../activations/card/candidates.js';
import type { ModelCard, Region } from '../activations/card/card.js';
import { keptValue } from '../activations/layer-view.js';
import type { ModelFile } from '../activations/model-file.js';
import { emptyPicture } from '../activations/stimuli/empty-picture.js';
import { type InputPlan, inputPlan } from '../activations/stimuli/input-plan.js';
import { VentralError } from '../errors/ventral-error.js';
import { exposeValues } from '../onnx/expose.js';
import { frameOf, isPool, resolveLayer } from '../onnx/layers.js';
import { CARD_KEY, setMetadata } from '../onnx/metadata.js';
import { readModel, writeModel } from '../onnx/model.js';
import { type AddedPart, addParts, takesParts } from '../onnx/tokens/add-parts.js';
import { Session, type Tensor } from '../runtime/session.js';
import { COMPONENTS, REGIONS } from './site-limits.js';

/** A network as a package carries it. */
export interface PackagedNetwork {
  /** ONNX whose outputs are the layers, with the card inside. */
  readonly onnx: Uint8Array;
  /** SHA-1 of those bytes, as Brain-Score knows weights by. */
  readonly sha1: string;
  /** Layers that Brain-Score may choose from, in the order of the graph; those of regions and the read-out among them. */
  readonly layers: readonly string[];
  /**
   * Layers with fewer units than its regression needs, with their number; those named by the card are also in
   * `layers`.
   */
  readonly small: ReadonlyMap<string, number>;
  /** The output of the graph that holds each layer; `logits` too where the classes are ImageNet's. */
  readonly outputs: ReadonlyMap<string, string>;
  /** undefined if the card has none: Brain-Score then chooses. */
  readonly regionLayerMap: Readonly<Record<Region, string | readonly string[]>> | undefined;
  readonly readout: string | readonly string[];
  /** How images go in; `batch` 0 if the graph leaves it free. */
  readonly input: InputPlan;
}

/**
 * A network with every layer of its card exposed, opened once by the runtime.
 * @throws VentralError `package-invalid` for a card that names no read-out or a part of the regions, and
 *   `layer-…`, `input-mismatch` as a score does
 */
export async function packageNetwork(file: ModelFile, card: ModelCard): Promise<PackagedNetwork> {
  const regionLayerMap = wholeMap(file.name, card);
  const readout = readoutOf(file.name, card);
  const named = [Object.values(regionLayerMap ?? {}), readout, card.logits?.layer ?? []].flat(2);
  const layers = layerNames(file, card, named, regionLayerMap === undefined);
  const parts = layers.flatMap((layer) => partOf(file, card, layer) ?? []);
  const outputs = new Map(
    layers.map((layer) => [
      layer,
      parts.find(({ name }) => name === layer)?.name ?? resolveLayer(file.model, layer).value,
    ]),
  );
  const { logits } = card;
  // Brain-Score asks for the classes of label tasks under this name.
  if (logits?.classes === 'imagenet-1k' && !outputs.has('logits'))
    outputs.set('logits', outputs.get(logits.layer) as string);
  const model = addParts(file.model, parts);
  const onnx = exposedModel({ ...file, model }, card, [...outputs.values()]);
  const { input, units } = await opened(onnx, file, card);
  const small = new Map(
    layers.flatMap((layer) => {
      const count = units.get(outputs.get(layer) as string);
      return count !== undefined && count < COMPONENTS ? [[layer, count] as const] : [];
    }),
  );
  const committed = new Set([Object.values(regionLayerMap ?? {}), readout].flat(2));
  return {
    onnx,
    sha1: createHash('sha1').update(onnx).digest('hex'),
    layers: layers.filter((layer) => committed.has(layer) || !small.has(layer)),
    small,
    outputs,
    regionLayerMap,
    readout,
    input,
  };
}

/**
 * What a node of the package's graph has to make for a layer; undefined for a whole one.
 * @throws VentralError `package-invalid` for a part that neither a slice nor a transposition gives
 */
function partOf({ model, name }: ModelFile, card: ModelCard, layer: string): AddedPart | undefined {
  const { value: of, view } = keptValue(model, card, resolveLayer(model, layer));
  if (!view) return undefined;
  const refuse = (why: string, expected: string) =>
    new VentralError('package-invalid', `The card of ${name} names ${layer}: ${why}`, {
      field: layer,
      expected,
      found: layer,
    });
  if (!takesParts(model))
    throw refuse(
      'a graph of its opset cannot cut layers; export it in opset 10 or later',
      'opset 10',
    );
  const { select, layout, prefix } = view;
  if (select === 'nchw') {
    if (layout === undefined)
      throw refuse('the graph does not show which axis holds the channels', 'a map of channels');
    // Where channels are first already, a slice of everything gives the layer its name.
    return { name: layer, of, tokens: layout === 'NHWC' ? undefined : [0, END] };
  }
  if (isPool(select) || frameOf(select) !== undefined)
    throw refuse(
      'packages can contain whole layers, tokens and transposed maps, but no means, maxima or frames; name another part or a whole layer',
      'a whole layer, tokens or @nchw',
    );
  if (!prefix || prefix === 'unclear')
    throw refuse('give the number of prefix tokens in the card (prefix_tokens)', 'prefix_tokens');
  const before = prefix.cls + prefix.registers;
  if (select === 'cls') return { name: layer, of, tokens: [0, prefix.cls] };
  if (select === 'registers') return { name: layer, of, tokens: [prefix.cls, before] };
  return { name: layer, of, tokens: [before, END] };
}

/** Beyond the end of any axis. */
const END = 2 ** 53;

function wholeMap(name: string, { region_layer_map: map }: ModelCard) {
  if (map === undefined || Object.keys(map).length === 0) return undefined;
  const missing = REGIONS.filter((region) => map[region] === undefined);
  if (missing.length === 0) return map as Record<Region, string | readonly string[]>;
  const sentence = `The card of ${name} has no layer for ${missing.join(', ')}, and Brain-Score's map has all four regions: let \`ventral map --commit\` choose, or leave region_layer_map out, and Brain-Score chooses`;
  throw new VentralError('package-invalid', sentence, {
    field: '/region_layer_map',
    expected: REGIONS.join(', '),
    found: Object.keys(map).join(', '),
  });
}

function readoutOf(name: string, { readout, layers }: ModelCard): string | readonly string[] {
  if (readout !== undefined) return readout;
  // Brain-Score reads behaviour from the last of an explicit list of layers (spec §5.9).
  const last = layers?.every((layer) => !/[*?[\]{}]/.test(layer)) ? layers.at(-1) : undefined;
  if (last !== undefined) return last;
  const sentence = `The card of ${name} has no readout, and Brain-Score would read behaviour from whatever layer comes last: give it a "readout", usually the penultimate layer`;
  throw new VentralError('package-invalid', sentence, { field: '/readout' });
}

function layerNames(
  { model }: ModelFile,
  card: ModelCard,
  named: readonly string[],
  open: boolean,
): string[] {
  const candidates = card.layers || open ? candidateLayers(model, card) : [];
  const own = candidates.flatMap(({ layer, value, selection }) =>
    value === null || (selection && isPool(selection) && !named.includes(layer)) ? [] : layer,
  );
  const all = [...new Set([...own, ...named])];
  const order = new Map(
    model.graph.nodes.flatMap(({ outputs }, i) => outputs.map((value) => [value, i] as const)),
  );
  const at = new Map(all.map((name) => [name, order.get(resolveLayer(model, name).value) ?? -1]));
  return all.sort((a, b) => (at.get(a) as number) - (at.get(b) as number));
}

function exposedModel(
  { model, name }: ModelFile,
  card: ModelCard,
  values: readonly string[],
): Uint8Array {
  const { file: _file, build: _build, recipe: _recipe, ...kept } = card;
  const exposed = readModel(exposeValues(model, [...new Set(values)]), name);
  return writeModel(setMetadata(exposed, CARD_KEY, JSON.stringify(kept)));
}

/** How images go in, and how many units each value has for an empty one, where the network takes that. */
async function opened(
  onnx: Uint8Array,
  { name }: ModelFile,
  card: ModelCard,
): Promise<{ input: InputPlan; units: ReadonlyMap<string, number> }> {
  const session = await Session.open(onnx, { name, threads: 1, operators: 'as written' });
  try {
    const input = inputPlan(session.inputs, card.input, { name, batch: 0 });
    if (input.spec.frames !== undefined)
      throw new VentralError(
        'package-invalid',
        `${name} takes clips of ${input.spec.frames} frames, and packages feed images one by one: export it with an input of four axes that repeats the image inside`,
        { field: 'input', expected: 'an input of four axes', found: input.spec.layout },
      );
    const picture = emptyPicture(session.inputs[0], { card });
    const made = await session.run({ [input.name]: picture }).catch(() => ({}));
    const units = Object.entries<Tensor>(made).map(
      ([value, { dims }]) => [value, dims.slice(1).reduce((all, size) => all * size, 1)] as const,
    );
    return { input, units: new Map(units) };
  } finally {
    await session.close();
  }
}
