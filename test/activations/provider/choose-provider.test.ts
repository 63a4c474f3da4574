import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { computedAs } from '../../../src/activations/exposed-values.js';
import type { Network } from '../../../src/activations/extract.js';
import {
  offeredProviders,
  onProvider,
  withExecution,
} from '../../../src/activations/provider/choose-provider.js';
import { layerErrors, relativeError } from '../../../src/activations/provider/layer-errors.js';
import { sizeDemands } from '../../../src/activations/size-demands.js';
import { VentralError } from '../../../src/errors/ventral-error.js';
import type { ProviderState } from '../../../src/runtime/installed-providers.js';
import type { AskedProvider, Execution } from '../../../src/runtime/provider.js';
import type { Tensor } from '../../../src/runtime/session.js';
import { madeNetwork, madeStimuli, modelFile, plainCard } from '../made-networks.js';

const network: Network = {
  file: modelFile(madeNetwork()),
  card: { ...plainCard(), layers: ['relu', 'pool'] },
};
const cuda: Execution = { provider: 'cuda', device: 'NVIDIA H100', precision: 'float32' };
const shown = async () => ({ stimuli: await madeStimuli(6), degrees: undefined });

const script = join(import.meta.dirname, 'patched-provider.mjs');
const has = (...ready: string[]): ProviderState[] =>
  (['cpu', 'cuda', 'webgpu', 'coreml', 'dml'] as const).map((provider) => ({
    provider,
    state: provider === 'cpu' || ready.includes(provider) ? 'ready' : 'none',
    found: 'made up',
  }));

afterEach(() => {
  delete process.env.VENTRAL_TEST_FAULT;
});

/** What runs the network, and what was said, with a fault of the provider. */
async function chosen(provider: AskedProvider, fault?: string, states = has('webgpu')) {
  if (fault !== undefined) process.env.VENTRAL_TEST_FAULT = fault;
  const said: string[] = [];
  const told = (sentence: string) => said.push(sentence);
  const request = { provider, states, script, told };
  const { file } = await onProvider(network, [await shown()], request, { threads: 1 });
  return { execution: file.execution, said };
}

describe('the inputs and keys of a network', () => {
  test('are those of versions without providers on the CPU, and others on each provider, device and precision', () => {
    const of = (execution?: Execution) =>
      JSON.stringify(computedAs(withExecution(network, execution).file, network.card, 'relu'));
    expect(Object.keys(JSON.parse(of()))).toEqual(['operators', 'outputs']);
    const all = [
      of(),
      of(cuda),
      of({ ...cuda, provider: 'webgpu' }),
      of({ ...cuda, device: 'NVIDIA A100' }),
      of({ ...cuda, precision: 'tf32' }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  test('differ for reduced layers, so that no entry of a cache is hit', async () => {
    const demand = { layer: 'relu', layers: ['relu'], sets: [0], form: () => 'gram' as const };
    const keyOn = async (execution?: Execution) => {
      const on = withExecution(network, execution);
      const sizes = [{ width: 16, height: 16 }];
      const [{ key }] = await sizeDemands(on, [await shown()], sizes, [demand], { threads: 1 });
      return key;
    };
    const keys = [await keyOn(), await keyOn(cuda), await keyOn({ ...cuda, precision: 'tf32' })];
    expect(new Set(keys).size).toBe(3);
    // As version 0.1.0 has it on a disk: entries of the CPU stay good.
    expect(await keyOn()).toBe(keys[0]);
  });
});

describe('auto', () => {
  test('takes a provider that gives the numbers of the CPU sooner, and says by how much they differ', async () => {
    const { execution, said } = await chosen('auto');
    expect(execution).toMatchObject({ provider: 'webgpu', precision: 'float32' });
    expect(said).toEqual([
      expect.stringMatching(
        /^made: runs on webgpu \(.*\): of 2 layers \w+ is the furthest .*bound 0\.0001\)$/,
      ),
    ]);
  });

  test.each([
    [
      'wrong',
      /gives other numbers \(\w+ is off by \d\.\de[+-]\d+ of its size, more than 0\.0001\)/,
    ],
    ['nan', /gives other numbers \(\w+ is off by values that are not finite/],
    ['refuses', /failed \(no adapter\)$/],
    ['crash', /failed \(its process ended with signal SIGSEGV\)$/],
    ['slow', /is slower \(\d+ ms for 4 stimuli, the CPU \d+\)$/],
  ])('falls back to the CPU where the provider is %s, and says why', async (fault, why) => {
    const { execution, said } = await chosen('auto', fault);
    expect(execution).toBeUndefined();
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^made: runs on the CPU: webgpu /);
    expect(said[0]).toMatch(why);
  });

  test('tries the next one where the first is wrong', async () => {
    const { execution, said } = await chosen('auto', 'wrong', has('cuda', 'webgpu'));
    expect(execution).toBeUndefined();
    expect(said[0]).toMatch(/cuda gives other numbers .*; webgpu gives other numbers/);
  });

  test('says so where there is no other provider', async () => {
    const { execution, said } = await chosen('auto', undefined, has());
    expect(execution).toBeUndefined();
    expect(said).toEqual(['made: runs on the CPU: this machine has no other provider']);
  });

  test('ends when it is aborted', async () => {
    const request = { provider: 'auto' as const, states: has('webgpu'), script };
    const signal = AbortSignal.abort(new VentralError('interrupted', 'Interrupted'));
    await expect(
      onProvider(network, [await shown()], request, { threads: 1, signal }),
    ).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe('a provider by name', () => {
  test('is taken without a trial', async () => {
    const { execution, said } = await chosen('webgpu', 'wrong');
    expect(execution?.provider).toBe('webgpu');
    expect(said).toEqual([]);
  });

  test('that the machine does not have is refused in a line that says what is there', async () => {
    await expect(chosen('cuda')).rejects.toMatchObject({
      code: 'provider-unavailable',
      message: expect.stringMatching(
        /^The provider cuda cannot be used here: made up; this machine has cpu, webgpu$/,
      ),
    });
  });

  test('is not offered by a worker where its numbers are wrong', async () => {
    const offer = (provider: AskedProvider, fault: string) => {
      process.env.VENTRAL_TEST_FAULT = fault;
      return offeredProviders({ provider, states: has('webgpu'), script });
    };
    expect(await offer('webgpu', 'none')).toMatchObject([{ provider: 'webgpu' }]);
    expect(await offer('auto', 'wrong')).toEqual([]);
    await expect(offer('webgpu', 'wrong')).rejects.toMatchObject({
      code: 'provider-unavailable',
      message: expect.stringContaining('gives other numbers'),
    });
  });
});

describe('the error of a layer', () => {
  const tensor = (...values: number[]): Tensor => ({
    dtype: 'float32',
    dims: [values.length],
    data: Float32Array.from(values),
  });

  test('is the root mean square of the difference, in parts of the size', () => {
    expect(relativeError(tensor(3, 4), tensor(3, 4))).toBe(0);
    expect(relativeError(tensor(3, 4), tensor(3, 4.5))).toBeCloseTo(0.1, 12);
    expect(relativeError(tensor(0, 0), tensor(0, 0))).toBe(0);
    expect(relativeError(tensor(0, 0), tensor(0, 1))).toBe(Number.POSITIVE_INFINITY);
    expect(relativeError(tensor(3, 4), tensor(3, Number.NaN))).toBe(Number.POSITIVE_INFINITY);
    expect(relativeError(tensor(3, 4), tensor(3))).toBe(Number.POSITIVE_INFINITY);
  });

  test('is infinite for a layer that is missing', () => {
    expect(layerErrors({ a: tensor(1) }, {})).toEqual([
      { value: 'a', error: Number.POSITIVE_INFINITY, half: false },
    ]);
  });
});
