import { expect, it } from 'vitest';
import { engines } from '../store/engines.js';
import { compareKilled, wishes } from './kill-run.js';

const KILLS = 1;

it.each(engines)(
  `loses nothing and doubles nothing when it is killed, on the %s database`,
  async (engine) => {
    const counts = await compareKilled(engine, { kills: KILLS, seed: 11, wishes: wishes(4, 0) });
    process.stdout.write(`kills, ${engine} database: ${JSON.stringify(counts)}\n`);
    expect(counts.kills).toBe(KILLS);
  },
);
