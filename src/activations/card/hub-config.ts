import { createReadStream } from 'node:fs';
import { VentralError } from '../../errors/ventral-error.js';
import type { InputSpec } from '../../screen/preprocess.js';
import { parseCard } from './card.js';
import { factsInTimm } from './hub-facts.js';
import {
  type HubConfig,
  isObject,
  type Json,
  normalised,
  positive,
  type Refuse,
  resized,
  shown,
  square,
} from './hub-values.js';
import { fromTransformers } from './image-processor.js';

/** More than any such file has. */
const MOST_BYTES = 2 ** 20;

/**
 * The preprocessing that a model hub's file says: timm's `config.json` (`pretrained_cfg`), transformers'
 * `preprocessor_config.json` (or `image_processor` of `processor_config.json`), open_clip's `open_clip_config.json`
 * (`preprocess_cfg`), or the arguments of torchvision's `ImageClassification` (`crop_size`, `resize_size`, `mean`, `std`,
 * `interpolation`).
 * @throws VentralError `file-missing`, and `card-invalid` for another file, or for preprocessing that no card can say
 */
export async function readHubConfig(path: string): Promise<HubConfig> {
  const text = await textOf(path);
  const refuse: Refuse = (field, expected, found) =>
    new VentralError(
      'card-invalid',
      `${path}: ${field}: expected ${expected}, found ${shown(found)}`,
      { file: path, field, expected },
    );
  const config = jsonOf(text);
  if (!config) throw refuse('the file', 'a JSON object of at most 1 MiB', text.slice(0, 20));
  const found = read(config, refuse);
  // What no card can say is refused here, and not when a card of it is read.
  parseCard(JSON.stringify({ input: found.input, visual_degrees: 1 }), path);
  return found;
}

function read(config: Json, refuse: Refuse): HubConfig {
  const { pretrained_cfg: timm, preprocess_cfg: openClip, image_processor: processor } = config;
  if (isObject(timm)) return { ...certain(fromTimm(timm, refuse)), facts: factsInTimm(config) };
  if (isObject(openClip)) return certain(fromOpenClip(openClip, sideOf(config), refuse));
  if (isObject(processor)) return fromTransformers(processor, refuse);
  if ('image_mean' in config || 'do_resize' in config) return fromTransformers(config, refuse);
  if ('resize_size' in config && 'crop_size' in config)
    return certain(fromTorchvision(config, refuse));
  const expected = 'pretrained_cfg, preprocess_cfg, image_mean or resize_size';
  throw refuse('its keys', expected, Object.keys(config));
}

const isOneOf = (value: unknown, choices: readonly unknown[]) => choices.includes(value);

const certain = (input: InputSpec): HubConfig => ({ input, notes: [] });

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

function jsonOf(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What timm takes where its file is silent; its interpolation is then bicubic. */
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** timm.data.create_transform, evaluation: the short side to size / crop_pct, the centre, mean and deviation. */
function fromTimm(config: Json, refuse: Refuse): InputSpec {
  const { input_size, interpolation, crop_pct, crop_mode } = config;
  const [channels, ...sides] = Array.isArray(input_size) ? input_size : [];
  if (channels !== 3) throw refuse('input_size', '[3, side, side]', input_size);
  const side = square(sides, 'input_size', refuse);
  if (!isOneOf(crop_mode ?? 'center', ['center', 'squash']))
    throw refuse('crop_mode', 'center or squash', crop_mode);
  const to = Math.floor(side / positive(crop_pct ?? 0.875, 'crop_pct', refuse));
  const mode = crop_mode === 'squash' ? 'square' : 'short-side';
  return {
    ...resized(mode, to, interpolation ?? 'bicubic', refuse),
    crop: side,
    ...normalised(config.mean ?? imagenet.mean, config.std ?? imagenet.std, 1, refuse),
  };
}

/** What open_clip takes where its file is silent: the values of CLIP. */
const clip = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

/** The side of the images of an open_clip model: it counts before that of the preprocessing. */
function sideOf({ model_cfg: model }: Json): unknown {
  const vision = isObject(model) ? model.vision_cfg : undefined;
  return isObject(vision) ? (vision.image_size ?? undefined) : undefined;
}

/** open_clip.image_transform_v2 without augmentation. */
function fromOpenClip(config: Json, own: unknown, refuse: Refuse): InputSpec {
  const { size, interpolation, resize_mode, mode: colours } = config;
  const side = square(own ?? size ?? 224, 'size', refuse);
  if (!isOneOf(resize_mode ?? 'shortest', ['shortest', 'squash']))
    throw refuse('resize_mode', 'shortest or squash', resize_mode);
  if ((colours ?? 'RGB') !== 'RGB') throw refuse('mode', 'RGB', colours);
  const mode = resize_mode === 'squash' ? 'square' : 'short-side';
  // `random` is of the training; the evaluation then has bicubic.
  const filter = interpolation === 'random' ? 'bicubic' : (interpolation ?? 'bicubic');
  return {
    ...resized(mode, side, filter, refuse),
    crop: side,
    ...normalised(config.mean ?? clip.mean, config.std ?? clip.std, 1, refuse),
  };
}

/** torchvision.transforms._presets.ImageClassification; a resize of two numbers is height and width. */
function fromTorchvision(config: Json, refuse: Refuse): InputSpec {
  const { resize_size, crop_size, interpolation = 'bilinear' } = config;
  const to = square(resize_size, 'resize_size', refuse);
  const isPair = Array.isArray(resize_size) && resize_size.length === 2;
  const filter =
    typeof interpolation === 'string'
      ? interpolation.replace(/^InterpolationMode\./, '').toLowerCase()
      : interpolation;
  return {
    ...resized(isPair ? 'square' : 'short-side', to, filter, refuse),
    crop: square(crop_size, 'crop_size', refuse),
    ...normalised(config.mean, config.std, 1, refuse),
  };
}
