import { it } from 'vitest';
import { expectKillsHarmless } from '../service/kill-run.js';

it('loses nothing and doubles nothing in 100 kills on the embedded database', () =>
  expectKillsHarmless('embedded'));
