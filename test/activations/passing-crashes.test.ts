import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { openNetwork } from '../../src/activations/open-network.js';
import type { TrialOutcome } from '../../src/activations/try-sessions.js';
import { madeNetwork, plainCard } from './made-networks.js';

/** What the process of a trial comes to, trial by trial; `ran` where nothing is said. */
const outcomes = vi.hoisted((): { next: (string | undefined)[]; trials: number } => ({
  next: [],
  trials: 0,
}));
vi.mock('../../src/activations/try-sessions.js', async (original) => ({
  ...(await original<object>()),
  trySessions: async (trials: readonly unknown[]): Promise<TrialOutcome[]> =>
    trials.map(() => {
      outcomes.trials++;
      const signal = outcomes.next.shift();
      return signal ? { end: 'crashed', signal } : { end: 'ran', made: new Map() };
    }),
}));

const root = mkdtempSync(join(tmpdir(), 'ventral-passing-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const kept = new Map<string, Uint8Array>();
const cache = {
  get: async (key: string) => kept.get(key),
  put: async (key: string, [bytes]: readonly Uint8Array[]) => {
    kept.set(key, bytes);
    return true;
  },
};
beforeEach(() => {
  kept.clear();
  outcomes.trials = 0;
  outcomes.next = [];
});

/** Another network each time: a process remembers what it has tried. */
let made = 0;
function network(card = plainCard()) {
  const graph = madeNetwork();
  graph.node('Relu', [graph.input(`unused-${made}`, 'float32', [1])]);
  const path = join(root, `${made++}.onnx`);
  writeFileSync(path, graph.build());
  return { path, card };
}

test('a crash that a shortage of memory causes, too, is not remembered', async () => {
  const source = network();
  outcomes.next = ['SIGABRT'];
  await expect(openNetwork(source, { cache })).rejects.toMatchObject({ code: 'process-crashed' });
  expect(kept.size).toBe(0);
  expect((await openNetwork(source, { cache })).file.optimization).toBeUndefined();
  expect(kept.size).toBe(1);

  outcomes.next = [undefined, 'SIGBUS'];
  expect((await openNetwork(network(), { cache })).file.optimization).toBe('extended');
  expect(kept.size).toBe(1);
});

test('a crash of the graph alone is', async () => {
  outcomes.next = [undefined, 'SIGSEGV'];
  expect((await openNetwork(network(), { cache })).file.optimization).toBe('extended');
  expect(kept.size).toBe(1);
});

test.each(['', '{', 'null', '[]', '{"optimization":"all"}', '{"crashed":7}'])(
  'an entry that is none of ours is tried again: %s',
  async (text) => {
    const wrong = { ...cache, get: async () => new TextEncoder().encode(text) };
    expect((await openNetwork(network(), { cache: wrong })).file.optimization).toBeUndefined();
    expect(outcomes.trials).toBe(2);
  },
);

test('an image of another size is tried for itself', async () => {
  const source = network(plainCard({ crop: 16 }));
  await openNetwork(source, { cache });
  await openNetwork(source, { cache });
  expect(outcomes.trials).toBe(2);
  await openNetwork(source, { cache, input: { crop: 32 } });
  expect(outcomes.trials).toBe(4);
});
