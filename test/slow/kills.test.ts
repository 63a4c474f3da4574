import { it } from 'vitest';
import { expectKillsHarmless, KILLS_PATIENCE_MS } from '../service/kill-run.js';

it(
  'loses nothing and doubles nothing when processes are killed, on the embedded database',
  () => expectKillsHarmless('embedded'),
  KILLS_PATIENCE_MS,
);
