/** Why a rank changed, as the service says it. */
interface Reason {
  readonly kind: string;
  readonly change: number;
  readonly events: number;
  readonly models: readonly { readonly name: string }[];
  readonly benchmarks: readonly string[];
}

/** A point of a rank over time. */
interface Point {
  readonly rank: number | null;
  readonly entered: string | null;
  readonly left: string | null;
  readonly start: number | null;
  readonly reasons: readonly Reason[];
}

const words: Readonly<Record<string, string>> = {
  'own-score': 'own score',
  'other-score': 'other scores',
  'new-model': 'new models',
  'model-removed': 'removed models',
  visibility: 'visibility',
  'new-benchmark': 'new benchmark',
  'new-version': 'new benchmark version',
  'benchmark-removed': 'removed benchmark',
  'benchmark-moved': 'moved benchmark',
};

/** What happened to the model itself. */
const own: Readonly<Record<string, string>> = { 'new-model': 'new', 'model-removed': 'removed' };

const wordsOf = (kind: string) => words[kind] ?? kind;

/** The reasons of a change of rank, each with what it adds: `+2 new models (a, b)`. Positive is worse. */
export function reasonWords({ rank, entered, left, start, reasons }: Point): string[] {
  if (rank === null) return left === null ? [] : [`left the board: ${own[left] ?? wordsOf(left)}`];
  const first =
    entered === null ? [] : [`entered at rank ${start}: ${own[entered] ?? wordsOf(entered)}`];
  return [
    ...first,
    ...reasons.map(({ kind, change, events, models, benchmarks }) => {
      const named = [...models.map(({ name }) => name), ...benchmarks];
      const more = events > named.length && named.length > 0 ? ', …' : '';
      const who = named.length > 0 ? ` (${named.join(', ')}${more})` : '';
      return `${change > 0 ? '+' : '−'}${Math.abs(change)} ${wordsOf(kind)}${who}`;
    }),
  ];
}
