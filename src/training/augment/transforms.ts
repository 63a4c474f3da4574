import { VentralError } from '../../errors/ventral-error.js';
import { readCheckedYaml } from '../../formats/yaml/checked-yaml.js';
import { augMixKind } from './augmix.js';
import { cutMixKind, mixUpKind } from './batch-mixes.js';
import { colour } from './colour.js';
import { crops, MOST_SIDE } from './crops.js';
import { cutMixPatchKind } from './cutmix-patch.js';
import { erasing } from './erasing.js';
import { geometry } from './geometry.js';
import type { Mix, MixKind } from './mix.js';
import { blur } from './motion-blur.js';
import { noise } from './noise.js';
import type { FeedSpec, TransformSpec } from './training-batch.js';
import type { Transform, TransformKind } from './transform.js';

/** What a recipe can name in `augment` and in `mix`, its schemas, and what becomes of a list. */

const transforms: Readonly<Record<string, TransformKind>> = {
  ...crops,
  ...geometry,
  ...colour,
  ...noise,
  ...blur,
  ...erasing,
};

const mixes: Readonly<Record<string, MixKind>> = {
  AugMix: augMixKind,
  CutMix: cutMixKind,
  CutMixPatch: cutMixPatchKind,
  MixUp: mixUpKind,
};

const oneOf = (kinds: Readonly<Record<string, { readonly schema: object }>>) => ({
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  properties: Object.fromEntries(
    Object.entries(kinds).map(([name, { schema }]) => [name, schema]),
  ) as Readonly<Record<string, object>>,
});

/** JSON Schema of one entry of a list: an object whose only key is the name. */
export const transformSchema = oneOf(transforms);

/** JSON Schema of a mix. */
export const mixSchema = oneOf(mixes);

/** JSON Schema of a FeedSpec. */
export const feedSchema: object = {
  type: 'object',
  additionalProperties: false,
  required: ['side', 'batch', 'augment', 'label_smoothing', 'seed', 'workers'],
  properties: {
    side: { type: 'integer', minimum: 1, maximum: MOST_SIDE },
    batch: { type: 'integer', minimum: 1, maximum: 4096 },
    augment: { type: 'array', items: transformSchema, maxItems: 32 },
    mix: mixSchema,
    label_smoothing: { type: 'number', minimum: 0, exclusiveMaximum: 1 },
    seed: { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 },
    workers: { type: 'integer', minimum: 0, maximum: 64 },
  },
};

/**
 * Checks how batches are made and writes out every default.
 * @throws VentralError `recipe-invalid`, with the closest name where a name or a parameter is unknown
 */
export function completeFeed(spec: FeedSpec): FeedSpec {
  refuseUnknown(spec);
  refuseLarge(spec);
  const complete = {
    ...spec,
    augment: spec.augment.map((each) => completeEntry(each, transforms)),
    ...(spec.mix ? { mix: completeEntry(spec.mix, mixes) } : {}),
  };
  // Contradictory parameters are reported when they are used.
  transformsOf(complete.augment);
  mixOf(complete.mix);
  return complete;
}

function refuseUnknown(spec: FeedSpec): void {
  const check = { file: 'feed', schema: feedSchema, code: 'recipe-invalid' } as const;
  try {
    readCheckedYaml(JSON.stringify(spec), check);
  } catch (thrown) {
    const { code, message, details } = VentralError.from(thrown);
    // The text was generated here: a position in it is useless.
    const { file: _, ...told } = details;
    throw new VentralError(code, message.replaceAll(/feed:\d+:\d+ /g, ''), told);
  }
}

/** Bytes of one batch: everything beyond is a mistake, and is refused before memory is taken. */
const MOST_BYTES = 2 ** 30;

function refuseLarge({ side, batch, mix }: FeedSpec): void {
  const views = mix ? mixes[Object.keys(mix)[0]].views : 1;
  const bytes = views * batch * 3 * side ** 2 * Float32Array.BYTES_PER_ELEMENT;
  if (bytes <= MOST_BYTES) return;
  throw new VentralError(
    'memory-exceeded',
    `A batch of ${batch} images of ${side} × ${side} pixels in ${views} views takes ${bytes} bytes`,
    { field: 'batch', expected: `at most ${MOST_BYTES} bytes`, found: String(bytes) },
  );
}

function completeEntry(
  spec: TransformSpec,
  kinds: Readonly<Record<string, Pick<TransformKind, 'schema'>>>,
): TransformSpec {
  const [[name, given]] = Object.entries(spec);
  const known: Record<string, unknown> = {};
  for (const [key, parameter] of Object.entries(kinds[name].schema.properties)) {
    const value = given[key] ?? parameter.default;
    if (value !== undefined) known[key] = value;
  }
  return { [name]: known };
}

/** A transformation of a list with its name. */
export interface NamedTransform {
  readonly name: string;
  readonly transform: Transform;
  /** Whether the image has a new size afterwards. */
  readonly sizes: boolean;
}

/** The transformations of a list whose defaults are written out. */
export function transformsOf(specs: readonly TransformSpec[]): NamedTransform[] {
  return specs.map((spec) => {
    const [[name, parameters]] = Object.entries(spec);
    const { sizes, make } = transforms[name];
    return { name, sizes, transform: make(parameters) };
  });
}

/** A mix whose defaults are written out. */
export interface NamedMix {
  readonly name: string;
  readonly mix: Mix;
  readonly views: 1 | 3;
}

/** The mix of a feed, if it has one. */
export function mixOf(spec: TransformSpec | undefined): NamedMix | undefined {
  if (!spec) return undefined;
  const [[name, parameters]] = Object.entries(spec);
  return { name, views: mixes[name].views, mix: mixes[name].make(parameters) };
}
