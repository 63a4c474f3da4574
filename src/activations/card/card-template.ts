import { present } from '../../formats/present.js';
import { type InputLayout, isFrameLayout } from '../../onnx/input-layout.js';
import type { InputSpec } from '../../screen/preprocess.js';
import type { HubSource, ModelCard, Region, Weights } from './card.js';
import type { HubFacts } from './hub-values.js';

/** Common kinds of preprocessing, under their usual names. */
export const inputPresets = {
  torchvision: {
    says: 'short side to 256, centre crop 224, ImageNet’s mean and deviation, as in torchvision',
    mode: 'short-side',
    grow: 256 / 224,
    range: 1,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  'brain-score': {
    says: 'resized to a square, ImageNet’s mean and deviation, as Brain-Score loads images by default',
    mode: 'square',
    grow: 1,
    range: 1,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
  },
  'minus-one-to-one': {
    says: 'a square, pixels from −1 to 1 (Keras’s "tf" mode, TensorFlow’s own models)',
    mode: 'square',
    grow: 1,
    range: 1,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  },
  'zero-to-one': {
    says: 'a square, pixels from 0 to 1',
    mode: 'square',
    grow: 1,
    range: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  },
  bytes: {
    says: 'a square, pixels from 0 to 255 unchanged (networks that rescale inside)',
    mode: 'square',
    grow: 1,
    range: 255,
    mean: [0, 0, 0],
    std: [1, 1, 1],
  },
  caffe: {
    says: 'short side to 256, centre crop 224, blue first, pixels from 0 to 255 less their mean (Caffe’s networks)',
    mode: 'short-side',
    grow: 256 / 224,
    range: 255,
    mean: [104, 117, 123],
    std: [1, 1, 1],
    channels: 'BGR',
  },
} as const;

/** A name of {@link inputPresets}. */
export type InputPreset = keyof typeof inputPresets;

/** Known values of a card to complete: from the file, and from a person's answers. */
export interface CardHints {
  /** Side of the input in pixels, where the graph fixes it. */
  readonly size?: number;
  readonly layout?: InputLayout;
  /** Frames of a clip, where the graph fixes them. */
  readonly frames?: number;
  /** Whether the shape of the input allows other layouts, too. */
  readonly layoutOpen?: boolean;
  /** Candidate layers, in graph order. */
  readonly layers?: readonly string[];
  /** Mean and standard deviation that the checkpoint of an imported network was normalised with. */
  readonly normalizer?: { readonly mean: readonly number[]; readonly std: readonly number[] };
  /** The last output, and its number of values for one image. */
  readonly output?: { readonly name: string; readonly values: number };
  /** Whether the network has no head: its output is no classes. */
  readonly headless?: boolean;
  /** Of a network that draws random numbers. */
  readonly trials?: number;
  readonly preset?: InputPreset;
  /** The preprocessing, where a file of a model hub says it. */
  readonly input?: InputSpec;
  /** The file beside the card, and where it was brought from. */
  readonly pulled?: { readonly file: string; readonly source: HubSource };
  readonly degrees?: number;
  readonly readout?: string;
  readonly regions?: Readonly<Partial<Record<Region, string>>>;
  readonly weights?: Weights;
  /** Family, training data and licence, where a file of a model hub says them. */
  readonly facts?: HubFacts;
}

/** Default image side. */
const SIDE = 224;
/** Default frames of a clip. */
const FRAMES = 16;
/** What Brain-Score's models span. */
const DEGREES = 8;
const REGIONS = ['V1', 'V2', 'V4', 'IT'] as const;

/** The input of a card from the file and a preset; the default preset is Brain-Score's. */
export function inputOf({
  size = SIDE,
  layout = 'NCHW',
  preset = 'brain-score',
  normalizer,
  input,
  frames = FRAMES,
}: CardHints): InputSpec {
  const axes = { layout, ...(isFrameLayout(layout) && { frames }) };
  if (input) return { ...input, ...axes };
  const chosen = inputPresets[preset];
  const { mode, grow, range, ...rest } = chosen;
  const { mean, std } = normalizer ?? rest;
  const rounded = (values: readonly number[]) =>
    values.map((value) => Number(value.toPrecision(6)));
  const to = Math.round(size * grow);
  return {
    resize: { to, mode, filter: 'bilinear', library: 'pillow' },
    crop: size,
    range,
    mean: rounded(mean),
    std: rounded(std),
    ...axes,
    ...('channels' in chosen && { channels: chosen.channels }),
  };
}

/** The card that {@link cardTemplate} prints, without placeholder names. */
export function proposedCard(name: string, hints: CardHints): ModelCard {
  const { degrees = DEGREES, readout, regions, trials, weights, facts } = hints;
  return {
    name,
    ...present({ weights }),
    ...facts,
    input: inputOf(hints),
    visual_degrees: degrees,
    ...present({ readout, region_layer_map: regions, trials }),
  };
}

interface Line {
  readonly field: string;
  readonly text: string;
  /** What a person must check; undefined for a certain value. */
  readonly todo?: string | undefined;
}

/** Fields of a card that nothing has said yet, as `input.mean`. */
export function openFields(hints: CardHints): string[] {
  return linesOf('', hints).flatMap(({ field, todo }) => (todo === undefined ? [] : field));
}

/**
 * A card to complete: printed by `ventral card init`, and for a model without a card. Unset lines end in `# TODO`;
 * unknown names are `NAME`.
 */
export function cardTemplate(name: string, hints: CardHints = {}): string {
  const { layers = [] } = hints;
  return [
    ...texts(linesOf(name, hints)),
    ...(layers.length > 0
      ? ['# layers of this network:', ...layers.map((layer) => `#   ${layer}`)]
      : []),
    '',
  ].join('\n');
}

/**
 * The card of a network that `ventral pull` brought: what its repository says, and nothing to complete but what a score
 * needs. Regions and read-out are found by `ventral map`.
 */
export function pulledCard(name: string, hints: CardHints): string {
  const left = ['readout', 'region_layer_map'];
  const lines = linesOf(name, hints).filter(({ field }) => !left.includes(field));
  return [...texts(lines), ''].join('\n');
}

function texts(lines: readonly Line[]): string[] {
  const width = Math.min(48, Math.max(...lines.map(({ text }) => text.length)));
  return lines.map(({ text, todo }) =>
    todo === undefined ? text : `${text.padEnd(width)}   # TODO: ${todo}`,
  );
}

function pulledLines({ pulled }: CardHints): Line[] {
  if (!pulled) return [];
  const entries = Object.entries(pulled.source);
  return [
    { field: 'file', text: `file: ${JSON.stringify(pulled.file)}` },
    { field: 'source', text: 'source:' },
    ...entries.map(([key, value]) => ({
      field: `source.${key}`,
      text: `  ${key}: ${JSON.stringify(value)}`,
    })),
  ];
}

function linesOf(name: string, hints: CardHints): Line[] {
  const { layout = 'NCHW', degrees, readout, regions = {}, trials, weights } = hints;
  const named = REGIONS.filter((region) => regions[region] !== undefined);
  const map = REGIONS.map((region) => `${region}: ${quoted(regions[region] ?? 'NAME')}`);
  return [
    { field: 'name', text: `name: ${JSON.stringify(name)}` },
    ...(weights ? [{ field: 'weights', text: `weights: ${weights}` }] : []),
    ...factLines(hints),
    ...pulledLines(hints),
    { field: 'input', text: 'input:' },
    ...inputLines(hints),
    ...layoutLines(layout, hints),
    {
      field: 'visual_degrees',
      text: `visual_degrees: ${degrees ?? DEGREES}`,
      todo:
        degrees === undefined
          ? 'degrees that the input spans; Brain-Score’s models have 8'
          : undefined,
    },
    {
      field: 'readout',
      text: `readout: ${quoted(readout ?? 'NAME')}`,
      todo: readout === undefined ? 'layer that behaviour is read from' : undefined,
    },
    ...logitLines(hints),
    ...(trials === undefined
      ? []
      : [
          {
            field: 'trials',
            text: `trials: ${trials}   # how often each image is shown: the network draws random numbers`,
          },
        ]),
    {
      field: 'region_layer_map',
      text: `region_layer_map: { ${map.join(', ')} }`,
      todo:
        named.length < REGIONS.length
          ? 'one layer a region, or omit it: ventral map finds them'
          : undefined,
    },
  ];
}

/** The licence of a pulled network is that of its source. */
function factLines({ facts = {}, pulled }: CardHints): Line[] {
  const { family, training_data: data, licence } = facts;
  const own = pulled?.source.licence === undefined ? licence : undefined;
  return Object.entries(present({ family, training_data: data, licence: own })).map(
    ([field, value]) => ({ field, text: `${field}: ${JSON.stringify(value)}` }),
  );
}

function layoutLines(layout: InputLayout, { frames, layoutOpen }: CardHints): Line[] {
  const axes = { field: 'input.layout', text: `  layout: ${layout}` };
  if (!isFrameLayout(layout)) return [axes];
  return [
    { ...axes, todo: layoutOpen ? 'NCTHW, NTCHW or NTHWC: the shape allows several' : undefined },
    {
      field: 'input.frames',
      text: `  frames: ${frames ?? FRAMES}`,
      todo: frames === undefined ? 'frames that the network was trained with' : undefined,
    },
  ];
}

/** Plain words stay as they are; others are quoted, as YAML takes JSON's strings. */
const quoted = (layer: string) => (/^[A-Za-z_][\w.]*$/.test(layer) ? layer : JSON.stringify(layer));

function inputLines(hints: CardHints): Line[] {
  const { size, preset, normalizer, input } = hints;
  const { resize, crop, crop_rule: rule, range, mean, std, channels } = inputOf(hints);
  const known = preset !== undefined || input !== undefined;
  const trained = known || normalizer ? undefined : 'the values that the network was trained with';
  return [
    {
      field: 'input.resize',
      text: `  resize: ${inLine(resize)}`,
      todo: known
        ? undefined
        : 'mode: square | short-side; library: pillow | opencv | torch; or none',
    },
    ...(crop === undefined
      ? []
      : [
          {
            field: 'input.crop',
            text: `  crop: ${crop}`,
            todo:
              size === undefined && !input
                ? 'image side that the network was trained with'
                : undefined,
          },
        ]),
    ...(rule ? [{ field: 'input.crop_rule', text: `  crop_rule: ${rule}` }] : []),
    {
      field: 'input.range',
      text: `  range: ${range}`,
      todo: known ? undefined : '(pixel × range / 255 − mean) / std',
    },
    { field: 'input.mean', text: `  mean: ${list(mean)}`, todo: trained },
    { field: 'input.std', text: `  std: ${list(std)}`, todo: trained },
    ...(channels ? [{ field: 'input.channels', text: `  channels: ${channels}` }] : []),
  ];
}

const list = (values: readonly number[]) => `[${values.join(', ')}]`;

const inLine = (resize: InputSpec['resize']) =>
  resize === 'none'
    ? resize
    : `{ ${Object.entries(resize)
        .map(([name, value]) => `${name}: ${value}`)
        .join(', ')} }`;

/** Whether outputs are classes, and in which order, no file says. */
function logitLines({ output, headless }: CardHints): Line[] {
  if (headless) {
    const text =
      '# no logits: the head was left out at import, so that label tasks cannot be scored';
    return [{ field: 'logits', text }];
  }
  if (output === undefined) return [];
  const { name, values } = output;
  const text =
    values === 1000
      ? `# logits: { layer: ${quoted(name)}, classes: imagenet-1k }   # 1000 outputs: if they are ImageNet's classes in their usual order`
      : `# logits: { layer: ${quoted(name)}, classes: [] }   # ${values} outputs: the names of their classes`;
  return [{ field: 'logits', text }];
}
