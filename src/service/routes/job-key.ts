import { type Digestible, digestOf } from '../../formats/digest.js';
import { packageVersion } from '../../formats/package-root.js';
import { DRAWS_VERSION } from '../../scoring/draws/drawn-units.js';
import { withoutLabels } from '../../scoring/model/model-facts.js';
import type { ScorableModel } from '../registry/model-service.js';

/**
 * Digest of everything an answer depends on: the version, the model's bytes and card, and the request. Equal keys
 * mean equal answers, whatever the model's name and labels.
 */
export function keyOf(model: ScorableModel, asked: Readonly<Record<string, Digestible>>): string {
  const { name: _name, ...card } = withoutLabels(model.card);
  return digestOf({
    version: packageVersion,
    // Scores of an earlier way of drawing have other intervals.
    draws: DRAWS_VERSION,
    model: model.digest,
    card: card as unknown as Digestible,
    ...asked,
  });
}

/** The same of features in place of a model. */
export const featureKeyOf = (digest: string, asked: Readonly<Record<string, Digestible>>): string =>
  digestOf({ version: packageVersion, draws: DRAWS_VERSION, features: digest, ...asked });
