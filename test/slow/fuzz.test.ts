import { it } from 'vitest';
import { fuzz } from '../fuzz/fuzz.js';

/** `FUZZ_SEED=n npm run test:slow` sees one case again; with `FUZZ_CASES` that many from there. */
it(
  'outlives 10,000 hostile files, bodies, headers and paths',
  () => fuzz({ first: 1001, count: 10_000 }),
  2_700_000,
);
