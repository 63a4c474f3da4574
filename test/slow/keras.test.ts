import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { importTfjs } from '../../src/importing/tfjs/import-tfjs.js';
import { differences } from '../importing/compare-layers.js';
import { mutate } from '../importing/mutated-networks.js';
import { writeNsfwjsModel } from '../importing/tfjs/nsfwjs-model.js';

it('a thousand damaged networks are imported or refused, each with one error of ours', async () => {
  const ends = await mutate(1_000, 1_000);
  const counts = [...ends].map(([end, count]) => `${end} ${count}`);
  process.stderr.write(`damaged networks: ${counts.join(', ')}\n`);
  expect([...ends.values()].reduce((sum, count) => sum + count)).toBe(1_000);
});

it('InceptionV3 of nsfwjs is the same in TensorFlow.js and in ONNX, layer by layer', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ventral-inception-'));
  try {
    await writeNsfwjsModel('inception_v3', folder);
    const imported = await importTfjs(folder);
    const found = await differences(imported, 1);
    await imported.source?.close();
    expect(found.size).toBe(317);
    expect([...found].filter(([, { relative }]) => !(relative < 1e-4))).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
