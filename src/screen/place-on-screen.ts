import { VentralError } from '../errors/ventral-error.js';
import { cut } from './crop.js';
import { type Picture, type Raster, toThreeChannels, withoutAlpha } from './picture.js';
import { roundHalfEven } from './round-half-even.js';

/**
 * Puts a stimulus at its visual angle before a model that sees another one: smaller on a grey canvas,
 * or cropped to its centre. Nothing is resampled here (spec §5.1). Parity: to the pixel.
 */

/** Visual angle, in degrees, that a model sees (`target`) and that a stimulus spans (`source`). */
export interface Degrees {
  readonly target: number;
  readonly source: number;
}

/** Where a stimulus lands: on a larger canvas, inside itself, or as it was. Sizes and offsets in pixels. */
export interface Placement {
  readonly operation: 'paste' | 'crop' | 'none';
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
}

/** Value of each channel of the canvas. */
const grey = 128;
/** A canvas beyond this is a mistake in the degrees; the limit of decoded images. */
const maximumPixels = 178_956_970;

/**
 * Size and offset on the screen of an image of `width` × `height` pixels; both rounded half to even.
 * @throws VentralError `degrees-mismatch` for degrees that are not positive
 */
export function placement(width: number, height: number, degrees: Degrees): Placement {
  const ratio = degrees.target / degrees.source;
  if (!(degrees.target > 0 && degrees.source > 0 && Number.isFinite(ratio))) {
    throw new VentralError(
      'degrees-mismatch',
      `Visual degrees must be positive, found target ${degrees.target} and source ${degrees.source}`,
      { expected: 'positive degrees', found: `${degrees.target} and ${degrees.source}` },
    );
  }
  if (degrees.target === degrees.source)
    return { operation: 'none', width, height, left: 0, top: 0 };
  const size = [roundHalfEven(ratio * width), roundHalfEven(ratio * height)];
  const paste = ratio >= 1;
  const offset = (screen: number, own: number) =>
    roundHalfEven((paste ? screen - own : own - screen) / 2);
  return {
    operation: paste ? 'paste' : 'crop',
    width: size[0],
    height: size[1],
    left: offset(size[0], width),
    top: offset(size[1], height),
  };
}

function checkSize(picture: Picture, place: Placement, degrees: Degrees): void {
  const pixels = place.width * place.height;
  if (pixels >= 1 && pixels <= maximumPixels) return;
  throw new VentralError(
    'degrees-mismatch',
    `A stimulus of ${picture.width} × ${picture.height} pixels at ${degrees.source} degrees becomes ` +
      `${place.width} × ${place.height} pixels at ${degrees.target} degrees`,
    { expected: `1 to ${maximumPixels} pixels`, found: `${place.width} × ${place.height}` },
  );
}

function checkedPlacement(picture: Picture, degrees: Degrees): Placement {
  const place = placement(picture.width, picture.height, degrees);
  if (place.operation !== 'none') checkSize(picture, place, degrees);
  return place;
}

/** Canvas beyond this many bytes is not kept. */
const KEPT = 2 ** 24;

/** Grey around the place of an image, which the next image of its size at that place covers again. */
let kept: { readonly data: Uint8Array; readonly place: string } | undefined;

function canvasFor({ width, height, channels }: Raster, place: Placement): Uint8Array {
  const { left, top, width: wide, height: high } = place;
  const key = [width, height, channels, wide, high, left, top].join();
  if (kept?.place === key) return kept.data;
  const data = new Uint8Array(wide * high * channels).fill(grey);
  kept = data.length <= KEPT ? { data, place: key } : undefined;
  return data;
}

/**
 * An image without its alpha on a grey canvas; a grey image keeps its one channel.
 * @param shared on the canvas that is kept
 */
function paste(picture: Picture, place: Placement, shared: boolean): Raster {
  const { width, height, left, top } = place;
  const source = withoutAlpha(picture);
  const { channels } = source;
  const data = shared
    ? canvasFor(source, place)
    : new Uint8Array(width * height * channels).fill(grey);
  const length = source.width * channels;
  for (let y = 0; y < source.height; y++) {
    const row = source.data.subarray(y * length, (y + 1) * length);
    data.set(row, ((top + y) * width + left) * channels);
  }
  return { width, height, channels, data };
}

/**
 * The image on the screen: RGB on a grey canvas where the model sees more degrees (alpha is dropped),
 * its centre in its own mode where it sees fewer, the same object where the degrees are equal.
 * @throws VentralError `degrees-mismatch` for degrees that are not positive or leave no or too many pixels
 */
export function placeOnScreen(picture: Picture, degrees: Degrees): Picture {
  const place = checkedPlacement(picture, degrees);
  if (place.operation !== 'paste') return cut(picture, place);
  return { ...toThreeChannels(paste(picture, place, false)), mode: 'RGB' };
}

/**
 * The pixels of {@link placeOnScreen}, except that a grey image on the canvas keeps its one channel, which
 * stands for three equal ones: a third of the work for what follows. With `shared`, the next call may write over the
 * pixels that this one gave; most of the time of a new canvas goes into memory that nothing has touched yet.
 * @throws VentralError as {@link placeOnScreen}
 */
export function pixelsOnScreen(
  picture: Picture,
  degrees: Degrees,
  { shared = false }: { readonly shared?: boolean } = {},
): Raster {
  const place = checkedPlacement(picture, degrees);
  return place.operation === 'paste' ? paste(picture, place, shared) : cut(picture, place);
}

/**
 * Degrees of each of `count` stimuli, from the benchmark or from a `degrees` column of the stimuli.
 * @throws VentralError `degrees-mismatch` where both or neither are given, or one is not positive
 */
export function sourceDegrees(
  count: number,
  given: { benchmark?: number | undefined; column?: readonly number[] | undefined },
): readonly number[] {
  const { benchmark, column } = given;
  if ((benchmark === undefined) === (column === undefined)) {
    const found = benchmark === undefined ? 'neither' : 'both';
    throw new VentralError(
      'degrees-mismatch',
      'The degrees of the stimuli come from visual_degrees of the benchmark or from a degrees ' +
        `column of the stimuli, found ${found}`,
      { field: 'visual_degrees', expected: 'exactly one of the two', found },
    );
  }
  const all = column ?? new Array<number>(count).fill(benchmark as number);
  const wrong = all.findIndex((value) => !(value > 0 && Number.isFinite(value)));
  if (wrong >= 0 || all.length !== count) {
    throw new VentralError(
      'degrees-mismatch',
      wrong >= 0
        ? `Visual degrees must be positive, found ${all[wrong]} for stimulus ${wrong + 1} of ${count}`
        : `There are ${all.length} degrees for ${count} stimuli`,
      { field: 'degrees', expected: `${count} positive numbers`, found: String(all[wrong]) },
    );
  }
  return all;
}
