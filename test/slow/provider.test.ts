import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readModel } from '../../src/onnx/model.js';
import type { Provider } from '../../src/runtime/provider.js';
import { sgd } from '../../src/training/optimize/optimizers.js';
import { chooseProvider } from '../../src/training/step/provider.js';
import { TrainedNetwork } from '../../src/training/step/trained-network.js';
import { oraclePath } from '../oracle.js';

const DIMS = [8, 3, 24, 24];
const CLASSES = 6;

async function losses(network: string, provider: Provider): Promise<number[]> {
  const path = oraclePath(`11-layer-names/${network}/unfolded.onnx`);
  const trained = await TrainedNetwork.open(readModel(readFileSync(path), network), {
    dims: DIMS,
    provider,
  });
  const optimizer = sgd({ momentum: 0.9 });
  const count = DIMS.reduce((product, size) => product * size, 1);
  const pictures = Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
  const targets = new Float32Array(DIMS[0] * CLASSES);
  for (let row = 0; row < DIMS[0]; row++) targets[row * CLASSES + (row % CLASSES)] = 1;
  const found: number[] = [];
  for (let step = 0; step < 5; step++) {
    const pass = await trained.pass({ pictures, targets });
    found.push(pass.loss);
    optimizer.step(trained.parameters, pass.gradients, 0.05);
  }
  await trained.close();
  return found;
}

test.each(['resnet', 'mbconv'])(
  '%s trains on WebGPU as on the CPU, where there is an adapter',
  async (network) => {
    const { provider, word } = await chooseProvider('webgpu');
    if (provider === 'cpu') {
      expect(word).toContain('webgpu');
      return;
    }
    const [own, other] = [await losses(network, 'cpu'), await losses(network, provider)];
    other.forEach((loss, step) => {
      expect(Math.abs(loss / own[step] - 1)).toBeLessThan(1e-3);
    });
  },
);

test('with a choice of any, the word says what was tried', async () => {
  const { provider, word } = await chooseProvider('auto');
  if (provider === 'cpu') expect(word).toMatch(/cuda .*; webgpu /);
  else expect(word).toContain(provider);
});
