import type { Generalisation } from './score-draws.js';

/** What an interval speaks of, in a few words: `new images and neuroids (315 × 102)`. */
export function shortGeneralisation({ to, units }: Generalisation): string {
  return `new ${to} (${Object.values(units).reverse().join(' × ')})`;
}

/** What recordings of so many animals say of others. */
export const animalsSentence = (animals: number): string =>
  animals === 1
    ? 'One animal says nothing about other animals.'
    : `${animals === 2 ? 'Two' : animals} animals, within which neuroids are drawn, say nothing about other animals.`;

/** An interval with what it is of. */
export interface SpokenInterval {
  readonly benchmark: string;
  readonly generalises?: Generalisation | undefined;
}

/** What the intervals of some scores speak of, a line for each kind: for tables that show the intervals alone. */
export function generalisationLines(scores: readonly SpokenInterval[]): string[] {
  const lines = new Map<string, Set<string>>();
  for (const { benchmark, generalises } of scores) {
    if (!generalises) continue;
    const { animals } = generalises;
    const words = `${shortGeneralisation(generalises)}${animals === undefined ? '' : `. ${animalsSentence(animals)}`}`;
    lines.set(words, (lines.get(words) ?? new Set()).add(benchmark));
  }
  return [...lines].map(
    ([words, benchmarks]) =>
      `The 95 % interval on ${[...benchmarks].join(', ')} generalises to ${words}`,
  );
}
