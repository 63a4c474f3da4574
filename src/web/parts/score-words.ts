import type { Schemas } from '../client/client.js';
import { value as shown } from './format.js';

type Score = Schemas['Score'];

/** How the layer of a score was chosen, in words. */
export function choiceOf({ layerChoice: { by } }: Score): string {
  if (by === 'card') return 'set by the card';
  if (by === 'flag') return 'set by the request';
  const { benchmark, version } = (by ?? {}) as { benchmark?: string; version?: number };
  return benchmark ? `chosen on ${benchmark} v${version}` : '';
}

/** What ‡ means. */
export const BROUGHT = 'computed elsewhere and submitted with a receipt';

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

/** What an interval speaks of, and that it says nothing of other animals. */
export function generalisationWords({ to, units, animals }: Schemas['Generalisation']): string {
  const counts = Object.values(units).reverse().join(' × ');
  const said = `new ${to} (${counts})`;
  if (animals === undefined) return said;
  const [those, support] =
    animals === 1 ? ['one animal', 'says'] : [`${animals === 2 ? 'two' : animals} animals`, 'say'];
  return `${said}; ${those} ${support} nothing about other animals`;
}

/** What the intervals of scores speak of, a line for each kind. */
export function spokenLines(
  scores: readonly {
    readonly benchmark: string;
    readonly generalises?: Schemas['Generalisation'] | undefined;
  }[],
): string[] {
  const lines = new Map<string, string[]>();
  for (const { benchmark, generalises } of scores) {
    if (!generalises) continue;
    const words = generalisationWords(generalises);
    lines.set(words, [...(lines.get(words) ?? []), benchmark]);
  }
  return [...lines].map(
    ([words, benchmarks]) =>
      `The 95 % interval on ${[...new Set(benchmarks)].join(', ')} generalises to ${words}.`,
  );
}

type Floor = Schemas['Floor'];

/** Whether a number is no higher than its floor. */
export const isInside = ({ raw: { above } }: Floor): boolean => !(above !== null && above > 0);

const NAMES = {
  rows: 'permuted stimuli',
  labels: 'permuted labels',
  'random-weights': 'random weights',
};

/** How far above its floor a score lies, and whether labels leak, a line for each. */
export function floorLines(floors: Schemas['Floors'] | undefined): string[] {
  return Object.values(floors ?? {}).flatMap((floor) => [
    floorLine(floor),
    ...(floor.leak === undefined ? [] : [`Labels leak: ${floor.leak}`]),
  ]);
}

function floorLine(floor: Floor): string {
  const { value: of, raw } = floor;
  const p = raw.p === undefined ? '' : `, p ${shown(raw.p)}`;
  const inside = isInside(floor) ? 'Inside its floor: ' : '';
  const name = NAMES[floor.null];
  const reach = floor.null === 'random-weights' ? 'give' : 'reach';
  return `${inside}${name} ${reach} ${shown(of.floor)}; the score lies ${shown(of.above)} above (raw ${shown(raw.above)}${p}; ${of.runs.length} runs).`;
}
