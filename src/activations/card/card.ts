import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import { present } from '../../formats/present.js';
import { readCheckedYaml } from '../../formats/yaml/checked-yaml.js';
import { frameLayouts, isFrameLayout } from '../../onnx/input-layout.js';
import type { InputSpec } from '../../screen/preprocess.js';
import { namesFile, readChoices } from './choice-files.js';

/** A region of the ventral stream. */
export type Region = 'V1' | 'V2' | 'V4' | 'IT';

/** Where the weights of a network come from; `control`: nothing in it is learned. */
export const weightsKinds = ['trained', 'random', 'control'] as const;
export type Weights = (typeof weightsKinds)[number];

/**
 * How a layer was chosen by its score (`ventral map --commit`), and on which stimuli, so that a score on any of
 * them is marked as a selection.
 */
export interface RegionLayerChoice {
  /** The chosen layer: the record is valid while the card has this layer. */
  readonly layer: string;
  readonly benchmark: string;
  readonly version: number;
  /** Digest over the inputs of all scores that were compared. */
  readonly inputs: string;
  readonly method: string;
  /** Base64 of the first six bytes of the SHA-256 of each stimulus, sorted; in a file of its own beside a YAML card. */
  readonly stimuli: string;
}

/** A step of a recurrent network: the layer that holds it, and its start and end in milliseconds after the stimulus. */
export interface TimeStep {
  readonly layer: string;
  readonly bin: readonly [start: number, end: number];
}

/** The file of a model hub that a network was brought from (`ventral pull`); no number depends on it. */
export interface HubSource {
  /** `hf:owner/name`. */
  readonly hub: string;
  readonly commit: string;
  /** Path of the ONNX file in the repository. */
  readonly file: string;
  /** Of that file, without its external data. */
  readonly sha256: string;
  /** Element type of most weights. */
  readonly weights?: string;
  readonly licence?: string;
}

/**
 * Facts about a network that its graph does not have (design §5): its preprocessing, the degrees of visual angle
 * of its input, and the layer of each region.
 */
export interface ModelCard {
  readonly name?: string;
  readonly file?: string;
  readonly build?: string;
  readonly recipe?: string;
  /** A label that no number depends on. */
  readonly weights?: Weights;
  /** What the network is, beside its weights: labels too, see `ModelFacts`. */
  readonly parameters?: number;
  readonly family?: string;
  readonly training_data?: readonly string[];
  /** `YYYY`, which YAML reads as a number, `YYYY-MM` or `YYYY-MM-DD`. */
  readonly date?: string | number;
  readonly licence?: string;
  readonly input: InputSpec;
  readonly visual_degrees: number;
  readonly readout?: string | readonly string[];
  readonly logits?: { readonly layer: string; readonly classes: 'imagenet-1k' | readonly string[] };
  readonly layers?: readonly string[];
  /** Tokens before those of the patches, where the graph does not show them. */
  readonly prefix_tokens?: { readonly cls: 0 | 1; readonly registers: number };
  /** How often each image is shown to a network that draws random numbers: what its layers give is averaged. */
  readonly trials?: number;
  readonly region_layer_map?: Readonly<Partial<Record<Region, string | readonly string[]>>>;
  /** Steps of each region, for recordings in bins of time; ascending. */
  readonly time_bins?: Readonly<Partial<Record<Region, readonly TimeStep[]>>>;
  /** Records of `ventral map --commit`; `behavior` for the read-out. */
  readonly region_layer_choice?: Readonly<Partial<Record<Region | 'behavior', RegionLayerChoice>>>;
  readonly source?: HubSource;
  readonly assumed?: string;
}

/** `models/card.schema.json`. */
export const cardSchema: object = JSON.parse(
  readFileSync(join(packageRoot, 'models', 'card.schema.json'), 'utf8'),
);

/**
 * Reads a card from YAML or JSON text.
 * @throws VentralError `card-invalid` with line and column for each problem
 * @param file name of the text in messages
 * @param folder where the files lie that it names as stimuli of its choices; without one such names are refused
 */
export function parseCard(text: string, file: string, folder?: string): ModelCard {
  const { value, place } = readCheckedYaml<ModelCard>(text, {
    file,
    schema: cardSchema,
    code: 'card-invalid',
  });
  const { std, resize, crop, layout, frames, sampling } = value.input;
  const zero = std.indexOf(0);
  if (zero >= 0)
    throw new VentralError('card-invalid', `${place('/input/std')} std[${zero}] is 0`, {
      file,
      field: '/input/std',
    });
  if (resize !== 'none' && resize.library === 'torch' && resize.filter !== 'bilinear') {
    throw new VentralError(
      'card-invalid',
      `${place('/input/resize/filter')} library torch supports only filter bilinear, found ${resize.filter}`,
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
      `${place('/input/crop')} crop ${crop} is larger than the ${resize.to} pixels after resize`,
      { file, field: '/input/crop' },
    );
  }
  if (
    layout !== undefined &&
    !isFrameLayout(layout) &&
    (frames !== undefined || sampling !== undefined)
  ) {
    const field = frames === undefined ? 'sampling' : 'frames';
    throw new VentralError(
      'card-invalid',
      `${place(`/input/${field}`)} ${field} needs a layout with an axis of frames (${frameLayouts.join(', ')}), found ${layout}`,
      { file, field: `/input/${field}`, expected: frameLayouts.join(', '), found: layout },
    );
  }
  for (const [region, steps] of Object.entries(value.time_bins ?? {})) {
    const bad = steps.findIndex(
      ({ bin: [start, end] }, i) => end <= start || (i > 0 && start <= steps[i - 1].bin[0]),
    );
    if (bad < 0) continue;
    const field = `/time_bins/${region}/${bad}/bin`;
    const found = `[${steps[bad].bin.join(', ')}]`;
    throw new VentralError(
      'card-invalid',
      `${place(field)} bin: expected a start before its end and after the start of the step before, found ${found}`,
      { file, field, expected: 'ascending bins', found },
    );
  }
  return withStimuli(value, folder, (pointer, what) => {
    const sentence = `${place(pointer)} ${pointer.slice(1).replaceAll('/', '.')} ${what}`;
    return new VentralError('card-invalid', sentence, { file, field: pointer });
  });
}

/** The card with the stimuli of its choices inside. */
function withStimuli(
  card: ModelCard,
  folder: string | undefined,
  refusal: (pointer: string, what: string) => VentralError,
): ModelCard {
  const { region_layer_choice: choices } = card;
  if (!Object.values(choices ?? {}).some(({ stimuli }) => namesFile(stimuli))) return card;
  const whole = Object.entries(choices ?? {}).map(([role, record]) => {
    const { inputs, stimuli } = record;
    if (!namesFile(stimuli)) return [role, record];
    const pointer = `/region_layer_choice/${role}/stimuli`;
    if (folder === undefined)
      throw refusal(
        pointer,
        `are in ${stimuli}, which is not here: give the card that \`ventral card whole CARD\` prints`,
      );
    const found = readChoices(join(folder, stimuli));
    if (!Object.hasOwn(found, inputs))
      throw refusal(pointer, `are not in ${stimuli}, which has none for ${inputs}`);
    return [role, { ...record, stimuli: found[inputs] }];
  });
  return { ...card, region_layer_choice: Object.fromEntries(whole) };
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

/** Another input size than the card's own: `--input resize=324,crop=288`, `input` of a request. */
export interface InputSize {
  readonly resize?: number;
  readonly crop?: number;
}

/** Reads `resize=324,crop=288`; throws `bad-usage`. */
export function parseInputSize(text: string): InputSize {
  const size: { resize?: number; crop?: number } = {};
  for (const part of text.split(',')) {
    const found = /^\s*(resize|crop)\s*=\s*(\d{1,4})\s*$/.exec(part);
    if (!found)
      throw new VentralError(
        'bad-usage',
        `--input ${text}: expected resize=N,crop=N, found "${part}"`,
      );
    size[found[1] as 'resize' | 'crop'] = Number(found[2]);
  }
  return size;
}

/** A card with that input size in place of its own; throws `card-invalid` where they do not go together. */
export function withInput(card: ModelCard, size: InputSize): ModelCard {
  const { resize } = card.input;
  if (size.resize !== undefined && resize === 'none') {
    throw new VentralError(
      'card-invalid',
      `input resize=${size.resize}: the card says resize: none`,
      { field: '/input/resize' },
    );
  }
  const input = {
    ...card.input,
    ...(size.resize === undefined || resize === 'none'
      ? {}
      : { resize: { ...resize, to: size.resize } }),
    ...present({ crop: size.crop }),
  };
  return parseCard(JSON.stringify({ ...card, input }), 'the card with --input');
}
