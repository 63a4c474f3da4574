import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cardTemplate } from '../../src/activations/card/card-template.js';
import { draftCard } from '../../src/activations/init-card.js';
import { importCheckpoint } from '../../src/importing/import-checkpoint.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { listLayers } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { ownFolder } from './checkpoints/made-checkpoints.js';
import { writeWinner } from './checkpoints/made-winner.js';

const graft = (name: string) => join(import.meta.dirname, '..', 'fixtures', 'graft', name);
const folder = ownFolder();

describe('--without-head', () => {
  test.each(['resnet.onnx', 'resnet-folded.onnx'])(
    'ends %s at what its head read, whatever the head of the checkpoint is',
    async (graph) => {
      const output = join(folder.path, graph);
      const { keys, notes, proof, withoutHead } = await importCheckpoint({
        checkpoint: graft('resnet.pth'),
        graph: graft(graph),
        withoutHead: true,
        reference: graft('resnet.npz'),
        output,
      });
      expect(withoutHead).toBe('fc');
      expect(keys).toMatchObject({ missing: [], unexpected: [], misshapen: [] });
      expect(keys?.ignored.filter(({ why }) => why === 'the head, left out as asked')).toEqual([
        { key: 'module.fc.weight', why: 'the head, left out as asked' },
        { key: 'module.fc.bias', why: 'the head, left out as asked' },
      ]);
      expect(notes.join()).toMatch(/the head fc was left out: the network ends at what it read, /);
      expect(proof?.notCompared.map(({ layer }) => layer)).toEqual(
        expect.arrayContaining(['fc', 'output']),
      );
      expect(proof?.layers.some(({ layer }) => layer === 'avgpool')).toBe(true);
      const model = readModel(readFileSync(output), graph);
      expect(listLayers(model).map(({ name }) => name)).not.toContain('fc');
      expect(model.graph.initializers.map(({ name }) => name)).not.toContain('fc.weight');
    },
  );

  test('ends a network of ours, under the names of its library', async () => {
    const checkpoint = join(folder.path, 'winner.pth');
    await writeWinner(checkpoint, 'module.');
    const output = join(folder.path, 'headless.onnx');
    const request = { checkpoint, arch: 'efficientnet-b1', output, withoutHead: true };
    const { keys, withoutHead } = await importCheckpoint(request);
    expect(withoutHead).toBe('classifier');
    expect(keys).toMatchObject({ total: 437, loaded: 437, unexpected: [] });
    expect(keys?.ignored.map(({ key }) => key)).toEqual(
      expect.arrayContaining(['module.classifier.weight', 'module.classifier.bias']),
    );
  });

  test('the card says that there is no head', async () => {
    const { name, hints } = await draftCard(join(folder.path, 'resnet.onnx'));
    const card = cardTemplate(name, hints);
    expect(card).toContain('# no logits: the head was left out at import');
    expect(card).not.toContain('# logits:');
  });

  test('is refused where no product comes before the output', async () => {
    const graph = new GraphBuilder('features');
    const image = graph.input('image', 'float32', ['batch', 3, 4, 4]);
    const weight = graph.initializer('conv.weight', [2, 3, 1, 1], new Float32Array(6));
    const map = graph.node('Conv', [image, weight], { name: '/conv/Conv' });
    graph.output(graph.node('Relu', [map], { name: '/relu/Relu' }));
    const file = await folder.write('features.onnx', graph.build());
    const request = { checkpoint: graft('resnet.pth'), graph: file, withoutHead: true };
    await expect(
      importCheckpoint({ ...request, output: join(folder.path, 'none.onnx') }),
    ).rejects.toMatchObject({
      code: 'import-unsupported',
      message: expect.stringMatching(/--without-head: the output .*Relu comes from no product/),
    });
  });
});

describe('a reference whose batch norms hold their activation', () => {
  test.each(['fused.onnx', 'fused-folded.onnx', 'apart.onnx', 'apart-folded.onnx'])(
    'proves %s',
    async (graph) => {
      const { proof, notes } = await importCheckpoint({
        checkpoint: graft('fused.pth'),
        graph: graft(graph),
        reference: graft('fused.npz'),
        output: join(folder.path, `proved-${graph}`),
      });
      const layers = proof?.layers.map(({ layer }) => layer);
      expect(layers).toEqual(expect.arrayContaining(['bn1', 'bn2', 'bn3', 'classifier', 'output']));
      if (!graph.startsWith('apart')) return;
      expect(proof?.withActivation).toEqual(expect.arrayContaining(['bn1', 'bn2']));
      expect(notes.join()).toMatch(/batch norms of the source hold their activation/);
    },
  );
});
