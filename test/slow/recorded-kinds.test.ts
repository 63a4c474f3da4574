import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ORACLE, oracle } from '../oracle.js';
import { ventral } from '../service/process.js';
import { tolerances } from '../tolerances.js';

interface Result {
  readonly identifier?: string;
  readonly features?: string;
  readonly score: number | { readonly score: number };
}

/** Results of an expected.json by identifier, of features of a type where there are two. */
function expected(family: string, layer: string | undefined): Map<string, number> {
  const { results, regions } = oracle(`${family}/expected.json`);
  const all = Object.entries<Result>({ ...(results ?? regions) });
  return new Map(
    all
      .filter(([, { features }]) => !layer || features === layer)
      .map(([key, { identifier, score }]) => [
        identifier ?? key,
        Number(typeof score === 'object' ? score.score : score),
      ]),
  );
}

const train = (family: string) => `13-train-test/${family}`;

test.each<[family: string, kinds: readonly string[], layer?: string]>([
  [train('allen'), ['ridge']],
  [train('hebart'), ['ridge', 'ridgecv'], 'float32'],
  [train('papale'), ['ridge', 'ridgecv'], 'float64'],
  [train('gifford'), ['ridge', 'ridgecv']],
  [train('li'), ['ridgecv', 'pls', 'rdm']],
  [train('csv'), ['ridgecv']],
  [train('zerbe'), ['fmri.V1-tau', 'fmri_persubject.V4-ood', 'folds', 'rdm', 'cka']],
  ['14-rsa/bracci', ['rdm']],
  ['15-reverse-pls/majaj', ['reverse']],
])('ventral score --features on %s %s', async (family, kinds, layer) => {
  const folder = join(ORACLE, family);
  const benchmarks = kinds.flatMap((kind) => [
    '--benchmark',
    join(folder, `${kind}.proposed.yaml`),
  ]);
  const said = await ventral(
    ...['score', '--features', join(folder, 'features.npz'), '--json'],
    ...benchmarks,
    ...(layer ? ['--layer', layer] : []),
  );
  expect(said.status, said.err).toBe(0);
  const wanted = expected(family, layer);
  const scores: { benchmark: string; value: number }[] = JSON.parse(said.out);
  expect(scores.length).toBeGreaterThanOrEqual(kinds.length);
  for (const { benchmark, value } of scores) {
    const bound = tolerances.kinds.ridge32.score;
    expect(Math.abs(value - (wanted.get(benchmark) ?? Number.NaN)), benchmark).toBeLessThan(bound);
  }
});
