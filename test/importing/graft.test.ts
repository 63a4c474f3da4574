import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { graft } from '../../src/importing/graft.js';
import { planGraft } from '../../src/importing/graft-plan.js';
import { openCheckpoint } from '../../src/importing/open-checkpoint.js';
import { prove } from '../../src/importing/proof.js';
import { openReference } from '../../src/importing/reference-outputs.js';
import { readModel } from '../../src/onnx/model.js';

const fixtures = join(import.meta.dirname, '..', 'fixtures', 'graft');
const at = (name: string) => join(fixtures, name);
const open = (name: string) => readModel(readFileSync(at(name)), name);

async function load(name: string) {
  const checkpoint = await openCheckpoint(at(name));
  const names = [...checkpoint.tensors].map(
    ([key, tensor]) => [key.replace(/^module\./, ''), tensor] as const,
  );
  return new Map(names);
}

describe.each([
  ['resnet', 'resnet.onnx', 1e-5],
  ['resnet', 'resnet-folded.onnx', 1e-5],
  ['mobilenet', 'mobilenet.onnx', 1e-3],
  ['mobilenet', 'mobilenet-folded.onnx', 1e-3],
  ['transformer', 'transformer-folded.onnx', 1e-5],
])('%s onto %s', (name, graph, epsilon) => {
  test('gives what PyTorch gives, at every layer', async () => {
    const model = open(graph);
    const plan = planGraft(model, await load(`${name}.pth`));
    const grafted = await graft(plan, name, { value: epsilon });
    const result = readModel(grafted.model, name);
    const reference = await openReference(at(`${name}.npz`), result);
    const proof = await prove(result, reference);
    console.log(
      proof.layers.length,
      Math.max(...proof.layers.map((l) => l.difference)),
      proof.notCompared,
      grafted.notes,
    );
    expect(Math.max(...proof.layers.map((l) => l.difference))).toBeLessThan(1e-4);
    await reference.close();
  });
});
