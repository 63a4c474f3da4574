import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapCandidates } from '../../src/activations/card/candidates.js';
import type { ModelCard } from '../../src/activations/card/card.js';
import { computedAs } from '../../src/activations/exposed-values.js';
import { extractActivations } from '../../src/activations/extract.js';
import { measureLayers } from '../../src/activations/measure-layers.js';
import { openModelFile } from '../../src/activations/model-file.js';
import { openNetwork } from '../../src/activations/open-network.js';
import { listLayers, resolveLayer } from '../../src/onnx/layers.js';
import { madeStimuli, plainCard } from '../activations/made-networks.js';
import { twoTowers, visionTower } from './two-towers.js';

let root: string;
const at = (name: string) => join(root, name);
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-towers-'));
  writeFileSync(at('towers.onnx'), twoTowers().build());
  writeFileSync(at('tower.onnx'), visionTower().build());
  writeFileSync(at('two-images.onnx'), twoTowers('float32').build());
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const card = (input: Partial<ModelCard['input']> = {}) => plainCard({ range: 1, ...input });
const opened = (name: string, input?: Partial<ModelCard['input']>) =>
  openNetwork({ path: at(name), card: card(input) });

test('of several inputs the one with the axes of an image is fed, and its part is the tower alone', async () => {
  const [combined, alone] = await Promise.all(['towers.onnx', 'tower.onnx'].map((n) => opened(n)));
  expect(combined.file.cardWarnings).toEqual(alone.file.cardWarnings);
  const candidates = mapCandidates(alone.file.model, alone.card);
  const own = mapCandidates(combined.file.model, combined.card);
  expect(own).toEqual(candidates);
  expect(own.length).toBeGreaterThan(3);

  const values = candidates.flatMap(({ value }) => value ?? []);
  const layers = candidates.map(({ layer }) => layer);
  for (const value of values)
    expect(computedAs(combined.file, combined.card, value)).toEqual(
      computedAs(alone.file, alone.card, value),
    );
  const shown = { stimuli: await madeStimuli(3), degrees: undefined };
  const limits = { maxMemory: 2 ** 30, maxScratch: 0, scratch: tmpdir() };
  const [a, b] = await Promise.all(
    [combined, alone].map((network) => extractActivations(network, shown, layers, limits)),
  );
  for (const layer of layers) {
    const [left, right] = [a, b].map((each) => each.layers.get(layer));
    expect(left?.cols).toBe(right?.cols);
    const cols = left?.cols ?? 0;
    expect(await left?.columns(0, cols)).toEqual(await right?.columns(0, cols));
  }
  a.close();
  b.close();
});

test('layers that need another input are listed with it, and refused', async () => {
  const { file } = await opened('towers.onnx');
  const listed = await measureLayers(at('towers.onnx'), { card: card() });
  const of = (name: string) => listed.find((layer) => layer.name === name);
  expect(of('visual.proj')).toMatchObject({ value: '/visual/proj/MatMul_output_0', shape: [6] });
  expect(of('text')).toMatchObject({
    ...{ value: null, shape: null },
    needs: ['input_ids', 'attention_mask'],
  });
  expect(of('text.embedding')).toMatchObject({ value: null, needs: ['input_ids'] });
  expect(of('input_ids')).toMatchObject({ value: null, needs: ['input_ids'] });
  // What a hook on the module records needs the text, though its first node does not.
  expect(of('meeting')).toMatchObject({ value: null, needs: ['input_ids', 'attention_mask'] });
  expect(of('/meeting/Relu_output_0')).toMatchObject({ shape: [6] });
  const names = listLayers(file.model).map(({ name }) => name);
  expect(listed.map(({ name }) => name)).toEqual(names);
  for (const name of ['text', 'logits', 'meeting'])
    expect(() => resolveLayer(file.model, name)).toThrow(
      `The layer ${name} of towers.onnx needs input_ids, attention_mask: images go to pixel_values alone`,
    );
});

test('a card names the input where several have the axes of an image', async () => {
  const hint = 'or its name as input.name in the card';
  const { cardWarnings } = await openModelFile(at('two-images.onnx'), { card: card() });
  expect(cardWarnings).toMatchObject([
    { code: 'card-input', detail: expect.stringContaining(hint) },
  ]);
  await expect(opened('two-images.onnx')).rejects.toMatchObject({
    code: 'input-mismatch',
    message: expect.stringContaining(hint),
  });
  const { file } = await opened('two-images.onnx', { name: 'pixel_values' });
  expect(file.cardWarnings).toEqual([]);
  expect(resolveLayer(file.model, 'visual.proj').value).toBe('/visual/proj/MatMul_output_0');
  const other = await opened('two-images.onnx', { name: 'depth' });
  expect(() => resolveLayer(other.file.model, 'visual.proj')).toThrow('needs pixel_values');
  await expect(opened('two-images.onnx', { name: 'picture' })).rejects.toMatchObject({
    code: 'input-mismatch',
    message: expect.stringContaining('the card names the input picture, the graph has input_ids'),
  });
});
