import { createReadStream } from 'node:fs';
import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { InputSpec, ResizeSpec } from '../../screen/preprocess.js';

type Json = Readonly<Record<string, unknown>>;
type Refuse = (field: string, expected: string, found: unknown) => VentralError;

/** More than any such file has. */
const MOST_BYTES = 2 ** 20;
/** Largest side that a card may say. */
const MOST_SIDE = 8192;
/** Items of a list that a message shows. */
const MOST_SHOWN = 5;

/**
 * The preprocessing that a model hub's file says: timm's `config.json` (`pretrained_cfg`), transformers'
 * `preprocessor_config.json`, open_clip's `open_clip_config.json` (`preprocess_cfg`), or the arguments of torchvision's
 * `ImageClassification` (`crop_size`, `resize_size`, `mean`, `std`, `interpolation`).
 * @throws VentralError `file-missing`, and `card-invalid` for another file, or for preprocessing that no card can say
 */
export async function readHubConfig(path: string): Promise<InputSpec> {
  const text = await textOf(path);
  const refuse: Refuse = (field, expected, found) =>
    new VentralError(
      'card-invalid',
      `${path}: ${field}: expected ${expected}, found ${shown(found)}`,
      { file: path, field, expected },
    );
  const config = jsonOf(text);
  if (!config) throw refuse('the file', 'a JSON object of at most 1 MiB', text.slice(0, 20));
  const { pretrained_cfg: timm, preprocess_cfg: openClip } = config;
  if (isObject(timm)) return fromTimm(timm, refuse);
  if (isObject(openClip)) return fromOpenClip(openClip, refuse);
  if ('image_mean' in config || 'do_resize' in config) return fromTransformers(config, refuse);
  if ('resize_size' in config && 'crop_size' in config) return fromTorchvision(config, refuse);
  const expected = 'pretrained_cfg, preprocess_cfg, image_mean or resize_size';
  throw refuse('its keys', expected, Object.keys(config));
}

/** Text of a file, none of one that is too long: a device or a pipe need not end. */
async function textOf(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: MOST_BYTES })) chunks.push(chunk);
  } catch (cause) {
    throw VentralError.from(cause);
  }
  const bytes = Buffer.concat(chunks);
  return bytes.length > MOST_BYTES ? '' : bytes.toString('utf8');
}

/** A value and no more than the names of what is in it, which may be as deep and as long as the file. */
function shown(value: unknown): string {
  if (!Array.isArray(value)) return plain(value);
  const more = value.length > MOST_SHOWN ? [`${value.length - MOST_SHOWN} more`] : [];
  return `[${[...value.slice(0, MOST_SHOWN).map(plain), ...more].join()}]`;
}

function plain(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (isObject(value)) return 'an object';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? quoted(value) : String(value);
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function jsonOf(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** timm.data.create_transform, evaluation: the short side to size / crop_pct, the centre, mean and deviation. */
function fromTimm(config: Json, refuse: Refuse): InputSpec {
  const { input_size, interpolation = 'bilinear', crop_pct = 0.875, crop_mode = 'center' } = config;
  const [channels, ...sides] = Array.isArray(input_size) ? input_size : [];
  if (channels !== 3) throw refuse('input_size', '[3, side, side]', input_size);
  const side = square(sides, 'input_size', refuse);
  if (crop_mode !== 'center' && crop_mode !== 'squash')
    throw refuse('crop_mode', 'center or squash', crop_mode);
  const to = Math.floor(side / positive(crop_pct, 'crop_pct', refuse));
  return {
    ...resized(crop_mode === 'squash' ? 'square' : 'short-side', to, interpolation, refuse),
    crop: side,
    ...normalised(config.mean, config.std, 1, refuse),
  };
}

/** open_clip.image_transform_v2 without augmentation. */
function fromOpenClip(config: Json, refuse: Refuse): InputSpec {
  const { size, interpolation = 'bicubic', resize_mode = 'shortest' } = config;
  const side = square(size, 'size', refuse);
  if (resize_mode !== 'shortest' && resize_mode !== 'squash')
    throw refuse('resize_mode', 'shortest or squash', resize_mode);
  const mode = resize_mode === 'squash' ? 'square' : 'short-side';
  return {
    ...resized(mode, side, interpolation, refuse),
    crop: side,
    ...normalised(config.mean, config.std, 1, refuse),
  };
}

function fromTorchvision(config: Json, refuse: Refuse): InputSpec {
  const { resize_size, crop_size, interpolation = 'bilinear' } = config;
  const to = square(resize_size, 'resize_size', refuse);
  return {
    ...resized('short-side', to, interpolation, refuse),
    crop: square(crop_size, 'crop_size', refuse),
    ...normalised(config.mean, config.std, 1, refuse),
  };
}

/** Image processors of transformers: resize, centre crop, rescale, normalise, each if its `do_…` is not false. */
function fromTransformers(config: Json, refuse: Refuse): InputSpec {
  const { do_resize = true, do_center_crop = 'crop_size' in config, crop_pct } = config;
  const {
    do_rescale = true,
    rescale_factor = 1 / 255,
    rescale_offset,
    do_normalize = true,
  } = config;
  const factor = do_rescale ? positive(rescale_factor, 'rescale_factor', refuse) : 1;
  const range = positive(Number((255 * factor).toPrecision(12)), 'rescale_factor', refuse);
  const plain = do_normalize
    ? normalised(config.image_mean, config.image_std, range, refuse)
    : normalised([0, 0, 0], [1, 1, 1], range, refuse);
  const shift = do_rescale && rescale_offset === true ? 1 : 0;
  const values = { ...plain, mean: plain.mean.map((value) => value + shift) };
  if (!do_resize) return { resize: 'none', ...values };
  const { resample = 2 } = config;
  const edge = isObject(config.size) ? config.size.shortest_edge : undefined;
  const to = square(edge ?? config.size, 'size', refuse);
  // Of ConvNeXt: below 384 pixels the short side goes to size / crop_pct, and the centre is cut.
  if (typeof crop_pct === 'number') {
    if (to >= 384) return { ...resized('square', to, resample, refuse), crop: to, ...values };
    const larger = Math.floor(to / positive(crop_pct, 'crop_pct', refuse));
    return { ...resized('short-side', larger, resample, refuse), crop: to, ...values };
  }
  const isShort = edge !== undefined || (!isObject(config.size) && isShortSide(config, refuse));
  const mode = isShort ? 'short-side' : 'square';
  const cut = do_center_crop ? { crop: square(config.crop_size, 'crop_size', refuse) } : {};
  return { ...resized(mode, to, resample, refuse), ...cut, ...values };
}

/** What a size of one number means, which depends on the processor. */
function isShortSide(config: Json, refuse: Refuse): boolean {
  const type = String(config.image_processor_type ?? config.feature_extractor_type ?? '');
  if (/^(CLIP|Bit|ConvNext)/.test(type)) return true;
  if (/^(ViT|DeiT|Beit)/.test(type)) return false;
  throw refuse('size', 'height and width, or shortest_edge', config.size);
}

/** Names of interpolations, and their numbers in Pillow. */
const filters: ReadonlyMap<unknown, ResizeSpec['filter']> = new Map<unknown, ResizeSpec['filter']>([
  ...(['nearest', 'lanczos', 'bilinear', 'bicubic'] as const).flatMap((name, number) => [
    [name, name] as const,
    [number, name] as const,
  ]),
]);

function resized(
  mode: ResizeSpec['mode'],
  to: number,
  filter: unknown,
  refuse: Refuse,
): Pick<InputSpec, 'resize'> {
  const found = filters.get(filter);
  if (!found) throw refuse('interpolation', 'nearest, bilinear, bicubic or lanczos', filter);
  if (!(to >= 1 && to <= MOST_SIDE))
    throw refuse('crop_pct', `a share of the side that leaves 1 to ${MOST_SIDE} pixels`, to);
  return { resize: { to, mode, filter: found, library: 'pillow' } };
}

function normalised(mean: unknown, std: unknown, range: number, refuse: Refuse) {
  const deviations = triple(std, 'std', refuse);
  if (!deviations.every((value) => value > 0)) throw refuse('std', 'three numbers above 0', std);
  return {
    range,
    mean: triple(mean, 'mean', refuse),
    std: deviations,
    layout: 'NCHW' as const,
  };
}

function triple(value: unknown, field: string, refuse: Refuse): number[] {
  if (Array.isArray(value) && value.length === 3 && value.every(Number.isFinite)) return value;
  throw refuse(field, 'three numbers', value);
}

function positive(value: unknown, field: string, refuse: Refuse): number {
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
  throw refuse(field, 'a number above 0', value);
}

/** A side: a number, one or two equal ones, or `height` and `width` that are equal. */
function square(value: unknown, field: string, refuse: Refuse): number {
  const sides = isObject(value) ? [value.height, value.width] : [value].flat();
  const [side] = sides;
  const isSide =
    typeof side === 'number' && Number.isInteger(side) && side > 0 && side <= MOST_SIDE;
  if (isSide && sides.length <= 2 && sides.every((each) => each === side)) return side;
  throw refuse(field, 'the side of a square, in pixels', value);
}
