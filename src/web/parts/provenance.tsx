import {
  featuresMeaning,
  featuresWord,
  originMeanings,
  weightsMeanings,
  weightsWords,
} from '../../figure/provenance.js';
import type { Schemas } from '../client/client.js';

/** Whether a model is trained, a space behind its name; nothing where its card does not say it. */
export function WeightsChip({ weights }: { readonly weights: Schemas['Weights'] | undefined }) {
  if (!weights) return null;
  return (
    <>
      {' '}
      <span class={`chip weights-${weights}`} title={weightsMeanings[weights]}>
        {weightsWords[weights]}
      </span>
    </>
  );
}

/** Whether features that were computed elsewhere stand for a model, a space behind its name. */
export function FeaturesChip({ model }: { readonly model: string | undefined }) {
  if (!model?.startsWith('ftr_')) return null;
  return (
    <>
      {' '}
      <span class="chip" title={featuresMeaning}>
        {featuresWord}
      </span>
    </>
  );
}

/** Where the data of a benchmark come from, a space behind its name. */
export function OriginChip({ origin }: { readonly origin: Schemas['Origin'] | undefined }) {
  if (!origin) return null;
  return (
    <>
      {' '}
      <span class={`chip origin-${origin}`} title={originMeanings[origin]}>
        {origin}
      </span>
    </>
  );
}
