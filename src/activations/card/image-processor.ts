import { quotedList } from '../../errors/quoted.js';
import type { InputSpec, ResizeSpec } from '../../screen/preprocess.js';
import {
  type HubConfig,
  isObject,
  type Json,
  normalised,
  positive,
  type Refuse,
  resized,
  square,
} from './hub-values.js';

/** Image processors of transformers: resize, centre crop, rescale, normalise, each if its `do_…` is not false. */

interface Processor {
  /** What a size of one number means. */
  readonly mode: ResizeSpec['mode'];
  /** Number of the interpolation where the file gives none. */
  readonly resample?: number;
  /** Whether it crops where the file says neither. */
  readonly crops?: true;
}

/** Processors of that order, by their names without `ImageProcessor`. */
const processors: Readonly<Record<string, Processor>> = {
  ...named({ mode: 'square', resample: 2 }, ['ViT', 'Pvt', 'Segformer', 'DINOv3ViT']),
  ...named({ mode: 'square', resample: 3 }, ['Blip', 'Siglip']),
  ...named({ mode: 'square', resample: 3, crops: true }, ['Beit', 'DeiT']),
  ...named({ mode: 'square', resample: 0 }, ['EfficientNet']),
  ...named({ mode: 'short-side' }, ['ConvNext']),
  ...named({ mode: 'short-side', resample: 2, crops: true }, [
    'MobileNetV1',
    'MobileNetV2',
    'MobileViT',
  ]),
  ...named({ mode: 'short-side', resample: 3, crops: true }, [
    ...['Bit', 'CLIP', 'Levit', 'PoolFormer'],
  ]),
};

function named(processor: Processor, names: readonly string[]): Record<string, Processor> {
  return Object.fromEntries(names.map((name) => [name, processor]));
}

/** Keys of what a card cannot say, where they are set. */
const refusedKeys = [
  ...['do_pad', 'pad_size', 'size_divisor', 'keep_aspect_ratio', 'ensure_multiple_of'],
  ...['do_thumbnail', 'do_align_long_axis', 'do_color_quantize', 'do_grayscale'],
  ...['do_image_splitting', 'max_num_patches', 'do_invert_colors', 'do_binarize'],
];

/** Keys that are read, and those that change no value of the tensor. */
const knownKeys = new Set([
  ...['do_resize', 'size', 'resample', 'do_center_crop', 'crop_size', 'crop_pct', 'do_rescale'],
  ...['rescale_factor', 'rescale_offset', 'do_normalize', 'image_mean', 'image_std', 'include_top'],
  ...['do_flip_channel_order', 'do_convert_rgb', 'image_processor_type', 'feature_extractor_type'],
  ...['processor_class', '_valid_processor_keys', 'auto_map', 'data_format', 'input_data_format'],
  ...['return_tensors', 'device', 'default_to_square', 'disable_grouping', 'do_reduce_labels'],
  ...['reduce_labels', 'image_seq_length', ...refusedKeys],
]);

const isSet = (value: unknown) => value !== undefined && value !== false;

/**
 * The preprocessing of `preprocessor_config.json`.
 * @throws what `refuse` makes
 */
export function fromTransformers(file: Json, refuse: Refuse): HubConfig {
  // What is null is not set.
  const config = Object.fromEntries(Object.entries(file).filter(([, value]) => value !== null));
  const said = config.image_processor_type ?? config.feature_extractor_type;
  const name = typeof said === 'string' ? said : '';
  const type = name.replace(/(?:ImageProcessor|FeatureExtractor)(?:Fast|Pil)?$/, '');
  const processor = Object.hasOwn(processors, type) ? processors[type] : undefined;
  const refused = refusedKeys.find((key) => isSet(config[key]));
  if (refused) throw refuse(refused, 'none: a card cannot say it', config[refused]);
  const isBgr = config.do_flip_channel_order ?? type === 'MobileViT';
  const numbers = values(config, type, refuse);
  const input = {
    ...geometry(config, { type, processor }, refuse),
    ...numbers,
    ...(isBgr === true && { channels: 'BGR' as const }),
  };
  const notes = notesOf(config, { name, processor });
  return type === DINO ? { input: byTorch(input, refuse), notes } : { input, notes };
}

/** DINOv3's processor resizes floats by torch, and rounds nothing. */
const DINO = 'DINOv3ViT';

function byTorch(input: InputSpec, refuse: Refuse): InputSpec {
  const { resize } = input;
  if (resize === 'none') return input;
  if (resize.filter === 'bilinear') return { ...input, resize: { ...resize, library: 'torch' } };
  throw refuse('resample', '2: a card has torch resize bilinearly', resize.filter);
}

function notesOf(
  config: Json,
  { name, processor }: { readonly name: string; readonly processor: Processor | undefined },
): string[] {
  const unknown = Object.keys(config).filter((key) => !knownKeys.has(key) && isSet(config[key]));
  return [
    ...(name !== '' && !processor
      ? [
          `${quotedList([name])} is no image processor that ventral knows: its keys were read as those of ViT and CLIP`,
        ]
      : []),
    ...(/Fast$/.test(name) && processor && !name.startsWith(DINO)
      ? [
          `${quotedList([name])} resizes tensors by torchvision: some of its pixels differ from Pillow's, which the card follows, by 1 or 2 of 255`,
        ]
      : []),
    ...(unknown.length > 0
      ? [`the card leaves out ${quotedList(unknown)}: see whether it changes images`]
      : []),
  ];
}

interface Known {
  readonly type: string;
  readonly processor: Processor | undefined;
}

/** Resize and crop. */
function geometry(
  config: Json,
  { type, processor }: Known,
  refuse: Refuse,
): Pick<InputSpec, 'resize' | 'crop' | 'crop_rule'> {
  const { do_resize = true, crop_pct, size } = config;
  const { do_center_crop = processor?.crops ?? isSet(config.crop_size) } = config;
  const cut = () => cropped(square(config.crop_size, 'crop_size', refuse));
  if (!do_resize) return { resize: 'none', ...(do_center_crop ? cut() : {}) };
  const resample = config.resample ?? processor?.resample;
  if (isObject(size) && isSet(size.longest_edge))
    throw refuse('size.longest_edge', 'height and width, or shortest_edge', size.longest_edge);
  const edge = isObject(size) ? size.shortest_edge : undefined;
  const to = square(edge ?? size, 'size', refuse);
  const isNumber = typeof size === 'number';
  if (isNumber && !processor) throw refuse('size', 'height and width, or shortest_edge', size);
  if (type === 'ConvNext' && config.do_center_crop)
    throw refuse('do_center_crop', 'none beside crop_pct', config.do_center_crop);
  if (type === 'ConvNext' || (type === '' && isSet(crop_pct)))
    return fromConvNext(to, crop_pct ?? 224 / 256, resample, refuse);
  const isEdge = edge !== undefined || (isNumber && processor?.mode === 'short-side');
  const grown = type === 'Levit' && isEdge ? Math.trunc((256 / 224) * to) : to;
  const share = type === 'PoolFormer' ? positive(crop_pct, 'crop_pct', refuse) : 1;
  const mode = isEdge || type === 'PoolFormer' ? 'short-side' : 'square';
  return {
    ...resized(mode, Math.trunc(grown / share), resample, refuse),
    ...(do_center_crop ? cut() : {}),
  };
}

/** Below 384 pixels the short side goes to size / crop_pct, and the centre is cut. */
function fromConvNext(to: number, share: unknown, resample: unknown, refuse: Refuse) {
  if (to >= 384) return { ...resized('square', to, resample, refuse), crop: to };
  const larger = Math.trunc(to / positive(share, 'crop_pct', refuse));
  return { ...resized('short-side', larger, resample, refuse), ...cropped(to) };
}

const cropped = (crop: number) => ({ crop, crop_rule: 'transformers' as const });

/** What becomes of a pixel's value. */
function values(config: Json, type: string, refuse: Refuse) {
  const { do_rescale = true, rescale_factor = 1 / 255, rescale_offset, include_top } = config;
  const { do_normalize = type !== 'MobileViT' } = config;
  const factor = do_rescale ? positive(rescale_factor, 'rescale_factor', refuse) : 1;
  const range = positive(Number((255 * factor).toPrecision(12)), 'rescale_factor', refuse);
  const found = do_normalize
    ? normalised(config.image_mean, config.image_std, range, refuse)
    : normalised([0, 0, 0], [1, 1, 1], range, refuse);
  const isShifted = do_rescale && rescale_offset === true;
  // Releases differ in what they subtract, unless it comes to 1.
  if (isShifted && Math.abs(factor * 127.5 - 1) > 1e-6)
    throw refuse('rescale_factor', '1 / 127.5 beside rescale_offset', factor);
  // EfficientNet divides by the deviation once more where its head is kept.
  const again = type === 'EfficientNet' && include_top !== false;
  return {
    ...found,
    mean: found.mean.map((value) => value + (isShifted ? 1 : 0)),
    std: again && do_normalize ? found.std.map((value) => value * value) : found.std,
  };
}
