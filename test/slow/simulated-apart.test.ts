import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { generateSimulated } from '../../src/data/simulated/generators.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';

const simulated = listBenchmarks().filter((benchmark) => benchmark.simulated);

test.each(['.V1-pls', '.IT-pls', '-i2n'])(
  'the public and the private set of %s share no id and no picture',
  async (metric) => {
    const seen = new Set<string>();
    let count = 0;
    for (const name of ['Simulatedpublic', 'Simulated']) {
      const found = simulated.find(({ id }) => id === name + metric);
      if (found?.stimuli.kind !== 'generated') throw new Error(`${name}${metric} is not generated`);
      const { stimuli } = await generateSimulated(found.stimuli.generate, found.stimuli.seed);
      for (const [row, id] of stimuli.ids.entries()) {
        const picture = createHash('sha256').update(await stimuli.read(row));
        seen.add(`id ${id}`).add(`picture ${picture.digest('hex')}`);
        count += 2;
      }
    }
    expect(count).toBeGreaterThan(400);
    expect(seen.size).toBe(count);
  },
);
