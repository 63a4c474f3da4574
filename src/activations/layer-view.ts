import { VentralError } from '../errors/ventral-error.js';
import { frameOf, isPool, type ResolvedLayer, type Selection } from '../onnx/layers.js';
import type { Model } from '../onnx/model.js';
import { type ChannelLayout, channelLayout } from '../onnx/tokens/channel-layout.js';
import { type PrefixTokens, prefixTokens } from '../onnx/tokens/prefix-tokens.js';
import type { ModelCard } from './card/card.js';
import type { KeptDtype } from './scratch/activation-store.js';

/**
 * What is kept of a value in place of all of it: tokens of batch × token × channel, a map pooled or turned to channels first, or a
 * frame of a clip's map.
 * It decides the numbers of a layer, and so is part of their digests as it stands.
 */
export interface LayerView {
  readonly select: Selection;
  /** By the card, else by the graph; absent where the graph has none, `unclear` where it does not show them. */
  readonly prefix?: PrefixTokens | 'unclear';
  /** Absent where the graph does not show it: the shape has to. */
  readonly layout?: ChannelLayout;
}

/** A value, and what is kept of it. */
export interface KeptValue {
  /** Tells it from others of a pass: the value's name where all of it is kept. */
  readonly id: string;
  readonly value: string;
  readonly view?: LayerView;
}

/** The value of a layer, and what of it is kept. */
export function keptValue(
  model: Model,
  card: Pick<ModelCard, 'prefix_tokens'>,
  layer: ResolvedLayer,
): KeptValue {
  const { value, selection } = layer;
  if (!selection) return { id: value, value };
  const view = viewOf(model, card, layer.name, { value, selection });
  return { id: `${value}@${JSON.stringify(view)}`, value, view };
}

const ofTokens: readonly Selection[] = ['cls', 'registers', 'patches', 'no-prefix'];

function viewOf(
  model: Model,
  card: Pick<ModelCard, 'prefix_tokens'>,
  layer: string,
  { value, selection: select }: { readonly value: string; readonly selection: Selection },
): LayerView {
  if (frameOf(select) !== undefined) return { select };
  const pools = !ofTokens.includes(select);
  const layout = pools ? channelLayout(model, value) : undefined;
  const spatial = { select, ...(layout ? { layout } : {}) };
  if (select !== 'mean' && select !== 'max' && pools) return spatial;
  const found = card.prefix_tokens
    ? ({ kind: 'found', prefix: card.prefix_tokens } as const)
    : prefixTokens(model, value);
  if (found.kind === 'unclear') {
    if (pools) return { ...spatial, prefix: 'unclear' };
    throw unknownPrefix(layer, found.why);
  }
  if (found.kind === 'none') {
    if (select === 'cls' || select === 'registers')
      throw unknownPrefix(layer, 'the graph puts none before those of the image');
    return spatial;
  }
  const { cls, registers } = found.prefix;
  if (select === 'cls' && cls === 0) throw absent(layer, 'class token', registers);
  if (select === 'registers' && registers === 0) throw absent(layer, 'token after the first', cls);
  return { ...spatial, prefix: { cls, registers } };
}

function unknownPrefix(layer: string, why: string): VentralError {
  return new VentralError(
    'layer-ambiguous',
    `The number of prefix tokens of ${layer} is not clear: ${why}; give it in the card: prefix_tokens: { cls: 1, registers: 0 }`,
    { field: layer, expected: 'prefix_tokens in the card', found: why },
  );
}

function absent(layer: string, what: string, count: number): VentralError {
  const found = count === 1 ? '1 prefix token' : `${count} prefix tokens`;
  return new VentralError('layer-unknown', `${layer}: there is no ${what} among ${found}`, {
    field: layer,
    expected: `a ${what}`,
    found,
  });
}

/** Elements of a tensor as it is laid out: its first axis is the batch. */
type Dims = readonly number[];

/** Units that a view keeps of a value. @throws VentralError `input-mismatch`, `layer-ambiguous` */
export function viewUnits(view: LayerView, dims: Dims, layer: string): number {
  const [, ...own] = dims;
  const whole = own.reduce((product, size) => product * size, 1);
  const frame = frameOf(view.select);
  if (frame !== undefined) return whole / frameSizes(view, frame, own, layer).frames;
  if (own.length === 2) {
    const { from, to } = tokenRange(view, own[0], layer);
    return (isWhole(view.select) ? 1 : to - from) * own[1];
  }
  const { channels, rows, columns } = mapSizes(view, own, layer);
  if (view.select === 'nchw') return whole;
  const [high, wide] = gridOf(view.select) ?? [1, 1];
  if (high > rows || wide > columns)
    throw mismatch(layer, view, `at least ${high} × ${wide} places`, `${rows} × ${columns}`);
  return channels * high * wide;
}

/** Element type of what a view keeps: means of whole numbers are none. */
export const viewDtype = ({ select }: LayerView, dtype: KeptDtype): KeptDtype =>
  select === 'mean' || gridOf(select) ? (dtype === 'float32' ? dtype : 'float64') : dtype;

type Numbers = Float32Array | Float64Array | Uint8Array | Int32Array;

/**
 * What a view keeps of the values of a batch, in memory of its own, row-major: tokens as numpy slices them, `mean` over tokens as numpy
 * takes it along their axis (in the type of the values, one after the other); maps are channel × row × column, their means summed in
 * float64.
 * @throws as {@link viewUnits}
 */
export function viewed(view: LayerView, values: Numbers, dims: Dims, layer: string): Numbers {
  const [batch, ...own] = dims;
  const units = viewUnits(view, dims, layer);
  const width = values.length / batch;
  const kept = isMean(view.select) && !(values instanceof Float32Array) ? Float64Array : undefined;
  const made = kept
    ? new kept(batch * units)
    : new (values.constructor as new (length: number) => Numbers)(batch * units);
  for (let row = 0; row < batch; row++) {
    const from = values.subarray(row * width, (row + 1) * width);
    const to = made.subarray(row * units, (row + 1) * units);
    const frame = frameOf(view.select);
    if (frame !== undefined) takeFrame(frameSizes(view, frame, own, layer), frame, from, to);
    else if (own.length === 2) takeTokens(view, from, own, layer, to);
    else takeMap(view, from, mapSizes(view, own, layer), to);
  }
  return made;
}

interface FrameSizes {
  readonly channels: number;
  readonly frames: number;
  /** Values of one channel of one frame. */
  readonly area: number;
}

/** A clip's map is channel × frame × row × column, a recurrent layer step × unit. */
function frameSizes(view: LayerView, frame: number, own: Dims, layer: string): FrameSizes {
  const shape = own.join(' × ') || 'one number';
  if (own.length !== 4 && own.length !== 2)
    throw mismatch(layer, view, 'channels × frames × rows × columns, or steps × units', shape);
  const [channels, frames, ...rest] = own.length === 4 ? own : [1, ...own];
  if (frame >= frames) throw mismatch(layer, view, `more than ${frame} frames`, shape);
  return { channels, frames, area: rest.reduce((product, size) => product * size, 1) };
}

function takeFrame(
  { channels, frames, area }: FrameSizes,
  frame: number,
  from: Numbers,
  to: Numbers,
): void {
  for (let c = 0; c < channels; c++) {
    const start = (c * frames + frame) * area;
    to.set(from.subarray(start, start + area), c * area);
  }
}

const isMean = (select: Selection) => select === 'mean' || gridOf(select) !== undefined;
/** Whether all tokens or places become one number a channel. */
const isWhole = (select: Selection) => select === 'mean' || select === 'max';

function gridOf(select: Selection): readonly [number, number] | undefined {
  const [, rows, columns] = /^(\d+)x(\d+)$/.exec(select) ?? [];
  return rows === undefined ? undefined : [Number(rows), Number(columns)];
}

function takeTokens(view: LayerView, from: Numbers, own: Dims, layer: string, to: Numbers): void {
  const [tokens, channels] = own;
  const range = tokenRange(view, tokens, layer);
  const taken = from.subarray(range.from * channels, range.to * channels);
  if (!isWhole(view.select)) {
    to.set(taken);
    return;
  }
  to.set(taken.subarray(0, channels));
  const count = range.to - range.from;
  for (let token = 1, i = channels; token < count; token++)
    for (let c = 0; c < channels; c++, i++)
      to[c] = view.select === 'max' ? larger(to[c], taken[i]) : to[c] + taken[i];
  if (view.select === 'mean') for (let c = 0; c < channels; c++) to[c] /= count;
}

/** The larger one, NaN if either is. */
const larger = (a: number, b: number) => (a >= b || Number.isNaN(a) ? a : b);

function tokenRange({ select, prefix }: LayerView, tokens: number, layer: string) {
  if (select === 'nchw' || gridOf(select))
    throw mismatch(layer, { select }, 'a map of channels', 'tokens');
  if (prefix === 'unclear') throw unknownPrefix(layer, 'the graph does not show them');
  // Without a sign in the graph, a square of tokens is one of patches.
  if (!prefix && !Number.isInteger(Math.sqrt(tokens)))
    throw unknownPrefix(layer, `it has ${tokens} tokens, and the graph puts none before others`);
  const { cls, registers } = prefix ?? { cls: 0, registers: 0 };
  const before = cls + registers;
  if (tokens <= before)
    throw mismatch(layer, { select }, `more than ${before} tokens`, `${tokens} tokens`);
  if (select === 'cls') return { from: 0, to: cls };
  if (select === 'registers') return { from: cls, to: before };
  return { from: before, to: tokens };
}

interface MapSizes {
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
  readonly layout: ChannelLayout;
}

function mapSizes({ select, layout }: LayerView, own: Dims, layer: string): MapSizes {
  const shape = own.join(' × ') || 'one number';
  // A clip's map is pooled over places: each frame of a channel stays.
  if (own.length === 4 && isPool(select) && layout === 'NCHW')
    return { channels: own[0] * own[1], rows: own[2], columns: own[3], layout };
  if (own.length !== 3 || ofTokens.includes(select))
    throw mismatch(
      layer,
      { select },
      ofTokens.includes(select) ? 'tokens × channels' : 'tokens, or a map of channels',
      shape,
    );
  const [a, b, c] = own;
  const found = layout ?? (b === c && a !== b ? 'NCHW' : a === b && c !== a ? 'NHWC' : undefined);
  if (!found)
    throw new VentralError(
      'layer-ambiguous',
      `${layer}: neither the graph nor the shape ${shape} shows which axis holds the channels`,
      { field: layer, expected: 'channels first or last', found: shape },
    );
  return found === 'NCHW'
    ? { channels: a, rows: b, columns: c, layout: found }
    : { channels: c, rows: a, columns: b, layout: found };
}

const mismatch = (
  layer: string,
  { select }: Pick<LayerView, 'select'>,
  expected: string,
  found: string,
) =>
  new VentralError('input-mismatch', `${layer}: @${select} needs ${expected}, found ${found}`, {
    field: layer,
    expected,
    found,
  });

function takeMap({ select }: LayerView, from: Numbers, sizes: MapSizes, to: Numbers): void {
  const { channels, rows, columns, layout } = sizes;
  const [step, next] = layout === 'NCHW' ? [rows * columns, 1] : [1, channels];
  const at = (channel: number, place: number) => from[channel * step + place * next];
  if (select === 'nchw') {
    for (let c = 0, i = 0; c < channels; c++)
      for (let place = 0; place < rows * columns; place++) to[i++] = at(c, place);
    return;
  }
  const [high, wide] = gridOf(select) ?? [1, 1];
  for (let c = 0, i = 0; c < channels; c++)
    for (let y = 0; y < high; y++)
      for (let x = 0; x < wide; x++) {
        // Cells as torch's adaptive pooling has them.
        const [top, bottom] = [Math.floor((y * rows) / high), Math.ceil(((y + 1) * rows) / high)];
        const [left, right] = [
          Math.floor((x * columns) / wide),
          Math.ceil(((x + 1) * columns) / wide),
        ];
        let sum = 0;
        let most = at(c, top * columns + left);
        for (let row = top; row < bottom; row++)
          for (let column = left; column < right; column++) {
            const value = at(c, row * columns + column);
            sum += value;
            most = larger(most, value);
          }
        to[i++] = select === 'max' ? most : sum / ((bottom - top) * (right - left));
      }
}
