import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ContentCache } from '../../src/activations/cache/content-cache.js';
import { computedAs } from '../../src/activations/exposed-values.js';
import { extractActivations } from '../../src/activations/extract.js';
import { openNetwork } from '../../src/activations/open-network.js';
import { trySessions } from '../../src/activations/try-sessions.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { alwaysCrashing, halfAttention, SIDE } from './crashing-networks.js';
import { madeNetwork, madeStimuli, modelFile, plainCard } from './made-networks.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-open-'));
  writeFileSync(join(root, 'half.onnx'), halfAttention().build());
  writeFileSync(join(root, 'crash.onnx'), alwaysCrashing().build());
  writeFileSync(join(root, 'plain.onnx'), madeNetwork().build());
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string) => join(root, name);
const source = (name: string) => ({ path: at(name), card: { ...plainCard(), layers: ['z'] } });
const limits = { maxMemory: 2 ** 30, maxScratch: 0, scratch: tmpdir() };

/** A cache that tells what is kept in it. */
async function countingCache(name: string) {
  const cache = await ContentCache.open(at(name));
  const kept: string[] = [];
  return {
    kept,
    get: (key: string) => cache.get(key),
    put: (key: string, parts: Parameters<typeof cache.put>[1]) => {
      kept.push(key);
      return cache.put(key, parts);
    },
  };
}

test('a graph that kills the runtime at its highest level runs at the next, and says so', async () => {
  const cache = await countingCache('home');
  const network = await openNetwork(source('half.onnx'), { cache, threads: 1 });
  expect(network.file.optimization).toBe('extended');
  expect(computedAs(network.file, network.card, 'z')).toMatchObject({
    operators: 'fused',
    optimization: 'extended',
  });
  expect(cache.kept).toHaveLength(1);

  const stimuli = await madeStimuli(3, SIDE);
  const shown = { stimuli, degrees: undefined };
  const { layers, close } = await extractActivations(network, shown, ['z'], limits);
  const found = await layers.get('z')?.columns(0, 36);
  close();
  expect(found?.length).toBe(3 * 36);
  expect(found?.every((value) => Number.isFinite(value) && value !== 0)).toBe(true);
});

test('a graph of the highest level has neither a level nor another digest', async () => {
  const cache = await countingCache('other');
  const plain = { path: at('plain.onnx'), card: plainCard() };
  const { file, card } = await openNetwork(plain, { cache });
  expect(file.optimization).toBeUndefined();
  expect(computedAs(file, card, 'relu')).toEqual(
    computedAs(modelFile(madeNetwork()), card, 'relu'),
  );
  expect(Object.keys(computedAs(file, card, 'relu'))).not.toContain('optimization');
});

test('a graph that crashes at every level is refused, and remembered', async () => {
  const cache = await countingCache('crashes');
  const opening = () => openNetwork(source('crash.onnx'), { cache });
  const refusal = {
    code: 'process-crashed',
    exit: 2,
    message: expect.stringContaining('crash crashes ONNX Runtime (SIGFPE)'),
  };
  await expect(opening()).rejects.toMatchObject(refusal);
  expect(cache.kept).toHaveLength(1);
  const again = openNetwork(source('crash.onnx'), { cache, threads: 3 });
  await expect(again).rejects.toMatchObject(refusal);
});

test('shipped models are known', async () => {
  const cache = await countingCache('shipped');
  expect((await openNetwork({ path: 'pixels' }, { cache })).file.shipped).toBe(true);
  expect(cache.kept).toEqual([]);
});

test('a session that is refused leaves the others, and none is tried after a crash', async () => {
  const trial = (bytes: Uint8Array) => ({ graph: () => [bytes], operators: 'as written' as const });
  const trials = [new Uint8Array(7), madeNetwork().build(), alwaysCrashing().build()].map(trial);
  const how = { name: 'tried', card: plainCard({}), threads: 1 };
  const outcomes = await trySessions([...trials, trials[1]], how);
  expect(outcomes.map(({ end }) => end)).toEqual(['refused', 'ran', 'crashed']);
  expect(outcomes[0]).toMatchObject({ error: { code: 'not-onnx' } });
  expect(outcomes[1]).toMatchObject({
    made: new Map([['pool', { dtype: 'float32', dims: [1, 4, 1, 1] }]]),
  });
  expect(outcomes[2]).toMatchObject({ signal: 'SIGFPE' });
});

test('work that is given up ends the process', async () => {
  const trials = [{ graph: () => [madeNetwork().build()], operators: 'fused' as const }];
  const given = AbortSignal.timeout(1);
  await expect(trySessions(trials, { name: 'tried', signal: given })).rejects.toMatchObject({
    code: expect.stringMatching(/interrupted|internal/),
  });
});

test('an input of six axes is refused before any work', async () => {
  const graph = new GraphBuilder('views');
  graph.output(graph.node('Relu', [graph.input('clip', 'float32', ['N', 2, 3, 8, 32, 32])]));
  writeFileSync(at('views.onnx'), graph.build());
  await expect(openNetwork(source('views.onnx'))).rejects.toMatchObject({
    code: 'input-mismatch',
    message: expect.stringContaining(
      'or of five with frames, found clip (? × 2 × 3 × 8 × 32 × 32)',
    ),
  });
});
