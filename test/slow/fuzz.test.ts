import { it } from 'vitest';
import { fuzz } from '../fuzz/fuzz.js';

/** `FUZZ_SEED=n npm run test:slow` sees one case again; with `FUZZ_CASES` that many from there (10,000 before a release). */
it(
  'outlives 3,000 hostile files, bodies, headers and paths',
  () => fuzz({ first: 1001, count: 3000 }),
  2_700_000,
);
