import { expect, it } from 'vitest';
import { compareKilled, wishes } from '../service/kill-run.js';
import { engines } from '../store/engines.js';

const KILLS = 100;

it.each(engines)(
  `loses nothing and doubles nothing in ${KILLS} kills on the %s database`,
  async (engine) => {
    // Two workers are through sooner than one, and of their kills a third misses both.
    const slowly = engine === 'postgresql' ? 4 : 1;
    const asked = wishes(80, 3, slowly);
    const counts = await compareKilled(engine, { kills: KILLS, seed: 7, wishes: asked });
    process.stdout.write(`kills, ${engine} database: ${JSON.stringify(counts)}\n`);
    expect(counts.kills).toBe(KILLS);
    // Many of them while a job ran.
    expect(counts.attempts).toBeGreaterThan(counts.jobs + KILLS / 10);
  },
);
