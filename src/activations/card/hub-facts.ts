import { present } from '../../formats/present.js';
import { type HubFacts, isObject, type Json } from './hub-values.js';

/** Data sets as they are called in the tags of timm's weights. */
const dataSets: Readonly<Record<string, string>> = {
  in1k: 'imagenet-1k',
  in12k: 'imagenet-12k',
  in21k: 'imagenet-21k',
  in22k: 'imagenet-22k',
  ig1b: 'instagram-1b',
  yfcc100m: 'yfcc-100m',
  jft: 'jft-300m',
  laion2b: 'laion-2b',
  laion400m: 'laion-400m',
  cc12m: 'cc-12m',
};

/** What a card takes as a word (`models/card.schema.json`). */
const isWord = (value: unknown): value is string =>
  typeof value === 'string' && /^(?!(?:unknown|none)$)[\p{L}\p{N}][^\p{Cc},!]{0,79}$/u.test(value);

/**
 * Family, training data and licence as timm's `config.json` says them: by `architecture`, the tag of the weights and
 * `license`. What is not said, or is no word, is left out.
 */
export function factsInTimm({ architecture, pretrained_cfg: config }: Json): HubFacts {
  const { tag, license } = isObject(config) ? config : {};
  const data = typeof tag === 'string' ? dataOf(tag) : [];
  return present({
    family: familyOf(architecture),
    training_data: data.length > 0 ? data : undefined,
    licence: isWord(license) ? license : undefined,
  });
}

/** `tf_efficientnet_b1` is an `efficientnet`, `convnextv2_tiny` a `convnextv2`. */
function familyOf(architecture: unknown): string | undefined {
  if (typeof architecture !== 'string') return undefined;
  return /^(?:tf_)?([a-z]+?v\d+|[a-z]+)/.exec(architecture.slice(0, 80))?.[1];
}

/** `augreg_in21k_ft_in1k` was trained on two. */
function dataOf(tag: string): string[] {
  const words = tag.slice(0, 200).split('_');
  return [
    ...new Set(words.flatMap((word) => (Object.hasOwn(dataSets, word) ? dataSets[word] : []))),
  ];
}
