import type { Schemas } from '../client/client.js';

type Score = Schemas['Score'];

/** How the layer of a score was chosen, in words. */
export function choiceOf({ layerChoice: { by } }: Score): string {
  if (by === 'card') return 'named by the card';
  if (by === 'flag') return 'named by the request';
  const { benchmark, version } = (by ?? {}) as { benchmark?: string; version?: number };
  return benchmark ? `chosen on ${benchmark} v${version}` : '';
}

/** What ‡ means. */
export const BROUGHT = 'computed elsewhere and brought with a receipt';

/** Why a score is a selection: the layer was chosen on this very benchmark, or on one with the same stimuli. */
export function selectionOf({ benchmark, layerChoice: { by } }: Score): string {
  const { benchmark: chosenOn } = (by ?? {}) as { benchmark?: string };
  return chosenOn === undefined || chosenOn === benchmark
    ? 'selection: the layer was chosen on this benchmark'
    : `selection: the layer was chosen on ${chosenOn}, which shares stimuli`;
}

/** The error of the value itself; most errors are of the raw value, and belong beside that. */
export const errorOfValue = (score: Score): string =>
  score.errorOf === 'value' ? errorText(score, score.error) : '';

/** The error of the raw value; empty where there is none: one comparison, one split. */
export const errorOfRaw = (score: Score): string => errorText(score, score.raw.error);

function errorText({ errorKind, raw }: Score, error: number | null): string {
  const none = errorKind === 'none' || error === null || (error === 0 && raw.splits.length < 2);
  return none ? '' : `± ${error.toFixed(3)}`;
}
