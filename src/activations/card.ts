import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';
import { readCheckedYaml } from '../formats/checked-yaml.js';
import { packageRoot } from '../formats/package-root.js';
import type { InputSpec } from '../screen/preprocess.js';

/** A region of the ventral stream that a layer can stand for. */
export type Region = 'V1' | 'V2' | 'V4' | 'IT';

/**
 * What a score needs to know of a network beyond its graph (design §5): how it wants its pictures,
 * how many degrees of visual angle its input spans, and which layers stand for which region.
 */
export interface ModelCard {
  readonly name?: string;
  readonly file?: string;
  readonly build?: string;
  readonly recipe?: string;
  readonly input: InputSpec;
  readonly visual_degrees: number;
  readonly readout?: string | readonly string[];
  readonly logits?: { readonly layer: string; readonly classes: 'imagenet-1k' | readonly string[] };
  readonly layers?: readonly string[];
  readonly region_layer_map?: Readonly<Partial<Record<Region, string | readonly string[]>>>;
  readonly assumed?: string;
}

const schema = JSON.parse(readFileSync(join(packageRoot, 'models', 'card.schema.json'), 'utf8'));

/**
 * Reads a card from YAML or JSON text. Throws `card-invalid` with line and column for each problem.
 * @param file name of the text in messages
 */
export function parseCard(text: string, file: string): ModelCard {
  const { value, place } = readCheckedYaml<ModelCard>(text, { file, schema, code: 'card-invalid' });
  const { mean, std, resize, crop } = value.input;
  if (mean.length !== std.length) {
    throw new VentralError(
      'card-invalid',
      `${place('/input/std')} std has ${std.length} values, mean has ${mean.length}`,
      { file, field: '/input/std' },
    );
  }
  const zero = std.indexOf(0);
  if (zero >= 0)
    throw new VentralError('card-invalid', `${place('/input/std')} std[${zero}] is 0`, {
      file,
      field: '/input/std',
    });
  if (resize !== 'none' && resize.library === 'torch' && resize.filter !== 'bilinear') {
    throw new VentralError(
      'card-invalid',
      `${place('/input/resize/filter')} library torch resizes with filter bilinear here, found ${resize.filter}`,
      { file, field: '/input/resize/filter' },
    );
  }
  if (resize !== 'none' && resize.library === 'pillow' && resize.filter === 'area') {
    throw new VentralError(
      'card-invalid',
      `${place('/input/resize/filter')} Pillow has no filter area`,
      { file, field: '/input/resize/filter' },
    );
  }
  if (resize !== 'none' && resize.library === 'opencv' && resize.filter === 'lanczos') {
    throw new VentralError(
      'card-invalid',
      `${place('/input/resize/filter')} OpenCV's lanczos is not supported; use bilinear, bicubic, area or nearest`,
      { file, field: '/input/resize/filter' },
    );
  }
  if (resize !== 'none' && crop !== undefined && resize.mode === 'square' && crop > resize.to) {
    throw new VentralError(
      'card-invalid',
      `${place('/input/crop')} crop ${crop} is larger than the ${resize.to} pixels that resize leaves`,
      { file, field: '/input/crop' },
    );
  }
  return value;
}

/** The preset of `--assume imagenet`: torchvision's evaluation input, as Brain-Score's default (spec §5.3). */
export const imagenetCard: ModelCard = {
  input: {
    resize: { to: 224, mode: 'square', filter: 'bilinear', library: 'pillow' },
    crop: 224,
    range: 1,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    layout: 'NCHW',
  },
  visual_degrees: 8,
  assumed: 'imagenet',
};

/** A card with the input size of `--input resize=324,crop=288` in place of its own; throws `bad-usage`. */
export function withInput(card: ModelCard, size: string): ModelCard {
  const input = { ...card.input };
  for (const part of size.split(',')) {
    const [key, value, ...rest] = part.split('=').map((word) => word.trim());
    const pixels = Number(value);
    if (rest.length > 0 || !Number.isInteger(pixels) || pixels < 1 || pixels > 8192) {
      throw new VentralError(
        'bad-usage',
        `--input ${size}: expected resize=N,crop=N with N from 1 to 8192, found "${part}"`,
      );
    }
    if (key === 'crop') input.crop = pixels;
    else if (key === 'resize' && input.resize !== 'none')
      input.resize = { ...input.resize, to: pixels };
    else {
      const why = key === 'resize' ? 'the card says resize: none' : `found "${key}"`;
      throw new VentralError('bad-usage', `--input ${size}: expected resize or crop, ${why}`);
    }
  }
  return parseCard(JSON.stringify({ ...card, input }), `--input ${size}`);
}

/** A card to complete, printed where a model has none. */
export function cardTemplate(name: string): string {
  return [
    `name: ${name}`,
    `file: ${name}.onnx`,
    'input:',
    '  resize: { to: 224, mode: square, filter: bilinear, library: pillow }   # mode: square | short-side; library: pillow | opencv | torch; or none',
    '  crop: 224',
    '  range: 1                       # (pixel × range / 255 − mean) / std',
    '  mean: [0.485, 0.456, 0.406]    # the values that the network was trained with',
    '  std: [0.229, 0.224, 0.225]',
    '  layout: NCHW',
    'visual_degrees: 8',
    'readout: NAME                    # layer that behaviour is read from; `ventral layers` lists them',
    'region_layer_map: { V1: NAME, V2: NAME, V4: NAME, IT: NAME }',
    '',
  ].join('\n');
}
