import { type Digestible, digestOf } from '../../formats/digest.js';
import { packageVersion } from '../../formats/package-root.js';
import { numericsVersion } from '../../numerics/numerics-version.js';
import { DRAWS_VERSION } from '../../scoring/draws/drawn-units.js';
import { withoutLabels } from '../../scoring/model/model-facts.js';
import type { ScorableModel } from '../registry/model-service.js';

/** Scores of earlier statistics, or of an earlier way of drawing, have other intervals. */
const versions = { version: packageVersion, numerics: numericsVersion, draws: DRAWS_VERSION };

/**
 * Digest of everything an answer depends on: the version, the model's bytes and card, and the request. Equal keys
 * mean equal answers, whatever the model's name and labels.
 */
export function keyOf(model: ScorableModel, asked: Readonly<Record<string, Digestible>>): string {
  const { name: _name, ...card } = withoutLabels(model.card);
  return digestOf({
    ...versions,
    model: model.digest,
    card: card as unknown as Digestible,
    ...asked,
  });
}

/** The same of features in place of a model. */
export const featureKeyOf = (digest: string, asked: Readonly<Record<string, Digestible>>): string =>
  digestOf({ ...versions, features: digest, ...asked });
