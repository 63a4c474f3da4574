import { it } from 'vitest';
import { fuzz } from '../fuzz/fuzz.js';

it(
  'outlives 300 hostile files, bodies, headers and paths',
  () => fuzz({ first: 1, count: 300 }),
  600_000,
);
