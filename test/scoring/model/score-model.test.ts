import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Progress, Work } from '../../../src/runtime/work.js';
import {
  type ScoreContext,
  type ScoreRequest,
  scoreModel,
} from '../../../src/scoring/model/score-model.js';
import { ORACLE } from '../../oracle.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ventral-score-model-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const source = join(ORACLE, '09-end-to-end');
const objects = join(source, 'neural-csv', 'benchmark.yaml');
const behaviour = join(source, 'behaviour', 'benchmark.yaml');
const model = {
  path: join(source, 'resnet', 'model.onnx'),
  file: join(source, 'resnet', 'card.yaml'),
};
const score = (request: Partial<ScoreRequest> = {}, context: Partial<ScoreContext> = {}) =>
  scoreModel(
    { model, benchmarks: [objects], ...request },
    { home, threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30, ...context },
  );
const scratch = () => readdirSync(join(home, 'tmp'));

describe('one pass of the network', () => {
  test('serves all benchmarks on the same stimuli', async () => {
    const seen: Progress[] = [];
    const { scores } = await score(
      { benchmarks: [objects, behaviour] },
      { progress: Work.start((progress) => seen.push(progress)) },
    );
    expect(scores).toHaveLength(3);
    const ends = seen.filter(({ stage, done, total }) => stage === 'activations' && done === total);
    expect(ends.map(({ total }) => total)).toEqual([88 + 100 + 40]);
    const results: string[] = [];
    await score({}, { result: ({ benchmark }) => results.push(benchmark) });
    expect(results).toEqual(scores.slice(0, 2).map(({ benchmark }) => benchmark));
  });

  test('gives the same score where memory is too small for it', async () => {
    const plain = await score({ detail: true });
    const spilled = await score({ detail: true }, { maxMemory: 1 });
    const numbers = ({ provenance, ...others }: (typeof plain.scores)[number]) => ({
      ...others,
      inputs: provenance.inputs,
    });
    expect(spilled.scores.map(numbers)).toEqual(plain.scores.map(numbers));
    expect(scratch()).toEqual([]);
  });
});

describe('a run leaves nothing', () => {
  test('where scratch disk is at its end', async () => {
    const { scores, failures } = await score({}, { maxMemory: 1, maxScratch: 1000 });
    expect(scores).toEqual([]);
    expect(failures.map(({ error }) => error.code)).toEqual(['memory-exceeded', 'memory-exceeded']);
    expect(failures[0].error.message).toMatch(/--max-scratch/);
    expect(scratch()).toEqual([]);
  });

  test.each(['data', 'activations', 'metric'])(
    'where it is interrupted in the stage %s',
    async (stage) => {
      const stop = new AbortController();
      const progress = Work.start((seen) => {
        if (seen.stage === stage) stop.abort();
      });
      await expect(
        score({}, { maxMemory: 1, signal: stop.signal, progress }),
      ).rejects.toMatchObject({ code: 'interrupted', exit: 130 });
      expect(scratch()).toEqual([]);
    },
  );
});

test('a layer that cannot be had fails its own benchmark', async () => {
  const { scores, failures } = await score({ layers: { V4: 'layer9', IT: 'layer3.0' } });
  expect(scores.map(({ region, layer }) => [region, layer])).toEqual([['IT', 'layer3.0']]);
  expect(failures).toMatchObject([
    { benchmark: 'end-to-end.objects.V4-pls', error: { code: 'layer-unknown' } },
  ]);
});

describe('the inputs of a score', () => {
  const inputs = async (request: Partial<ScoreRequest>) =>
    (await score(request)).scores.map(({ provenance }) => provenance.inputs)[0];

  test('are the same whatever the model and the file are called, and what else is asked', async () => {
    const plain = await inputs({});
    expect(await inputs({ model: { ...model, name: 'another name' } })).toBe(plain);
    expect(await inputs({ detail: true })).toBe(plain);
    expect(await inputs({ benchmarks: [objects, behaviour] })).toBe(plain);
    expect(await inputs({ layers: { V4: 'layer2.0.conv2' } })).toBe(plain);
  });

  test('differ by network, card, layer', async () => {
    const others = [
      {},
      { layers: { V4: 'layer1.0' } },
      { layers: { V4: ['layer1.0', 'layer2.0'] } },
      { layers: { V4: ['layer2.0', 'layer1.0'] } },
      {
        model: { ...model, path: join(source, 'resnet', 'folded.onnx') },
        layers: { V4: 'layer1.0' },
      },
      { model: { ...model, file: join(source, 'resnet', 'card-range255.yaml') } },
    ];
    const found = [];
    for (const request of others) found.push(await inputs(request));
    expect(new Set(found).size).toBe(others.length);
  });
});
