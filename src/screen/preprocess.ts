import { VentralError } from '../errors/ventral-error.js';
import { type CropRule, centerCrop, centerWindow, cut, type Window } from './crop.js';
import { type FloatRaster, type Raster, toThreeChannels, withoutAlpha } from './picture.js';
import { type OpencvFilter, resizeOpencv } from './resize-opencv.js';
import { type PillowFilter, resizePillow } from './resize-pillow.js';
import { resizeTorch } from './resize-torch.js';
import { roundHalfEven } from './round-half-even.js';
import { type SizeRule, targetSize } from './target-size.js';

/**
 * From an image on the screen to the tensor that a network sees, as its card says: load_image of the
 * original (spec §5.3), resize, centre crop, (pixel × range / 255 − mean) / std.
 * Parity: 8-bit pixels exact, tensors 1e-6, torch's resize 1e-5.
 */

/** `resize` of a card's `input`. */
export interface ResizeSpec extends SizeRule {
  readonly filter: 'bilinear' | 'bicubic' | 'nearest' | 'lanczos' | 'area';
  readonly library: 'pillow' | 'opencv' | 'torch';
  /** For torch alone; true unless said. */
  readonly antialias?: boolean;
}

/** `input` of a model card (design §5). */
export interface InputSpec {
  /** The graph's input that images go to; else its only one, or the only one with the axes of an image. */
  readonly name?: string;
  readonly resize: ResizeSpec | 'none';
  /** Side of the square that is cut from the centre after the resize. */
  readonly crop?: number;
  /** Whose rounding of the crop's offset; that of torchvision unless said, after OpenCV that of albumentations. */
  readonly crop_rule?: 'torchvision' | 'transformers';
  /** Value of a white pixel before mean and std. */
  readonly range: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly layout: 'NCHW' | 'NHWC' | 'NCTHW' | 'NTCHW' | 'NTHWC';
  /** Frames of a clip, where the layout has an axis of them (T). */
  readonly frames?: number;
  /** Which frames of a longer or shorter clip are taken; `even` unless said. */
  readonly sampling?: 'even' | 'consecutive';
  /** Order of the colours in the tensor, and of `mean` and `std`; RGB unless said. */
  readonly channels?: 'RGB' | 'BGR';
}

const filtersOf: Record<ResizeSpec['library'], readonly ResizeSpec['filter'][]> = {
  pillow: ['nearest', 'bilinear', 'bicubic', 'lanczos'],
  opencv: ['nearest', 'bilinear', 'bicubic', 'area'],
  torch: ['bilinear'],
};

function checkFilter({ library, filter }: ResizeSpec): void {
  if (filtersOf[library].includes(filter)) return;
  throw new VentralError('card-invalid', `library ${library} has no filter ${filter} here`, {
    field: 'input.resize.filter',
    expected: filtersOf[library].join(', '),
    found: filter,
  });
}

/** The pixels of `window` after the resize to `width` × `height`. */
function resize(
  source: Raster,
  [width, height]: readonly [number, number],
  { library, filter, antialias }: ResizeSpec,
  window: Window,
): Raster | FloatRaster {
  if (library === 'pillow')
    return resizePillow(source, width, height, filter as PillowFilter, window);
  if (library === 'opencv')
    return resizeOpencv(source, width, height, filter as OpencvFilter, window);
  return cut(resizeTorch(source, width, height, antialias ?? true), window);
}

function resizeAndCrop(
  source: Raster,
  spec: ResizeSpec,
  { crop, crop_rule }: Pick<InputSpec, 'crop' | 'crop_rule'>,
): Raster | FloatRaster {
  checkFilter(spec);
  const [width, height] = targetSize(source, spec);
  const own: CropRule = spec.library === 'opencv' ? 'albumentations' : 'torchvision';
  const rule = crop_rule ?? own;
  if (crop !== undefined && crop <= width && crop <= height) {
    // Pixels that the crop would throw away are not computed.
    const window = centerWindow({ width, height }, crop, crop, rule);
    return resize(source, [width, height], spec, window);
  }
  const whole = resize(source, [width, height], spec, { left: 0, top: 0, width, height });
  return crop === undefined ? whole : centerCrop(whole, crop, crop, rule);
}

/**
 * Pixels after resize and crop, interleaved: RGB, or the one channel of a grey image, which stands for
 * three equal ones; 8 bits, or float32 in 0 to 255 where torch resizes.
 * @throws VentralError `card-invalid` for a filter that the library lacks, `input-mismatch` for a crop
 * that OpenCV's rule cannot make
 */
export function toGreyOrRgb(picture: Raster, spec: InputSpec): Raster | FloatRaster {
  const { resize: how, crop, crop_rule: rule = 'torchvision' } = spec;
  const source = withoutAlpha(picture);
  if (how === 'none') return crop === undefined ? source : centerCrop(source, crop, crop, rule);
  // Channels do not mix: grey is resized once. But the vector steps of OpenCV's
  // INTER_CUBIC run across channels, so that it must see three.
  const mixes = how.library === 'opencv' && how.filter === 'bicubic';
  return resizeAndCrop(mixes ? toThreeChannels(source) : source, how, spec);
}

/**
 * {@link toGreyOrRgb} with three channels always.
 * @throws VentralError as {@link toGreyOrRgb}
 */
export function toPixels(picture: Raster, spec: InputSpec): Raster | FloatRaster {
  return toThreeChannels(toGreyOrRgb(picture, spec));
}

/** (value × range / 255 − mean) / std of one channel of the tensor, in float64. */
function scaled(value: number, spec: InputSpec, channel: number): number {
  return ((value * spec.range) / 255 - spec.mean[channel]) / spec.std[channel];
}

/** As {@link scaled}, for a network that takes bytes: rounded half to even and clipped. */
const scaledByte = (value: number, spec: InputSpec, channel: number): number =>
  Math.min(255, Math.max(0, roundHalfEven(scaled(value, spec, channel))));

/** Which channel of the tensor holds red, green and blue. */
export const colourChannels = ({ channels }: Pick<InputSpec, 'channels'>) =>
  channels === 'BGR' ? ([2, 1, 0] as const) : ([0, 1, 2] as const);

/** What a network takes: float32, or bytes. */
type Values = Float32Array | Uint8Array;

/** The three tables of 256 values that 8-bit pixels need, for red, green and blue. */
type Tables = readonly [red: Values, green: Values, blue: Values];

/** Those of the last card. */
let tables: { spec: InputSpec; bytes: boolean; rows: Tables } | undefined;

function tablesOf(spec: InputSpec, bytes: boolean): Tables {
  if (tables?.spec === spec && tables.bytes === bytes) return tables.rows;
  const row = (c: number): Values => {
    const all = { length: 256 };
    return bytes
      ? Uint8Array.from(all, (_, v) => scaledByte(v, spec, c))
      : Float32Array.from(all, (_, v) => scaled(v, spec, c));
  };
  const [red, green, blue] = colourChannels(spec);
  tables = { spec, bytes, rows: [row(red), row(green), row(blue)] };
  return tables.rows;
}

const channelsLast = ({ layout }: InputSpec) => layout === 'NHWC' || layout === 'NTHWC';

/** Distances in the tensor of an image between neighbouring pixels and between channels. */
const strides = (spec: InputSpec, pixels: number) =>
  channelsLast(spec) ? { pixel: 3, channel: 1 } : { pixel: 1, channel: pixels };

/**
 * Writes interleaved RGB bytes into three planes of `count` values, four pixels from three words at a time: a quarter of
 * the reads, in two thirds of the time, while which the network waits.
 * @returns how many pixels that were
 */
function lookUpWords(
  data: Uint8Array,
  [red, green, blue]: Tables,
  [r, g, b]: readonly Values[],
  count: number,
): number {
  const done = count - (count % 4);
  const words = new Uint32Array(data.buffer, data.byteOffset, (3 * done) / 4);
  for (let i = 0, w = 0; i < done; i += 4, w += 3) {
    const x = words[w];
    const y = words[w + 1];
    const z = words[w + 2];
    r[i] = red[x & 255];
    g[i] = green[(x >>> 8) & 255];
    b[i] = blue[(x >>> 16) & 255];
    r[i + 1] = red[x >>> 24];
    g[i + 1] = green[y & 255];
    b[i + 1] = blue[(y >>> 8) & 255];
    r[i + 2] = red[(y >>> 16) & 255];
    g[i + 2] = green[y >>> 24];
    b[i + 2] = blue[z & 255];
    r[i + 3] = red[(z >>> 8) & 255];
    g[i + 3] = green[(z >>> 16) & 255];
    b[i + 3] = blue[z >>> 24];
  }
  return done;
}

/**
 * Writes the network's input for one image, grey or RGB, into `out` (3 × height × width values in the
 * card's layout, without the axis of frames), which may be a slot of a batch: float32, or uint8 for a network that takes bytes (the same
 * formula, rounded half to even and clipped).
 */
export function normaliseInto(pixels: Raster | FloatRaster, spec: InputSpec, out: Values): void {
  const { data, channels } = pixels;
  const count = pixels.width * pixels.height;
  const { pixel, channel } = strides(spec, count);
  const colour = channels === 1 ? 0 : 1; // between the channels of a pixel
  const order = colourChannels(spec);
  if (data instanceof Uint8Array) {
    const tables = tablesOf(spec, out instanceof Uint8Array);
    // The last pixels after whole words, and all where the bytes do not lie in words.
    const inWords = !channelsLast(spec) && channels === 3 && data.byteOffset % 4 === 0;
    const planes = order.map((c) => out.subarray(c * count, (c + 1) * count));
    const done = inWords ? lookUpWords(data, tables, planes, count) : 0;
    const [red, green, blue] = tables;
    const [r, g, b] = order.map((c) => c * channel);
    for (let i = done, o = done * pixel, d = done * channels; i < count; i++) {
      out[o + r] = red[data[d]];
      out[o + g] = green[data[d + colour]];
      out[o + b] = blue[data[d + 2 * colour]];
      o += pixel;
      d += channels;
    }
    return;
  }
  const value = out instanceof Uint8Array ? scaledByte : scaled;
  for (let c = 0; c < 3; c++)
    for (let i = 0, o = order[c] * channel, d = c * colour; i < count; i++) {
      out[o] = value(data[d], spec, order[c]);
      o += pixel;
      d += channels;
    }
}
