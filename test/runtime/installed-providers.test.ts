import { describe, expect, test } from 'vitest';
import {
  deviceOf,
  type Machine,
  providerStates,
  requireProvider,
  thisMachine,
} from '../../src/runtime/installed-providers.js';
import { choiceOf, executionOf, executionText } from '../../src/runtime/provider.js';
import { runtimeIdentity } from '../../src/runtime/session.js';

/** A machine with these files. */
const machine = (
  files: Readonly<Record<string, string>>,
  more: Partial<Machine> = {},
): Machine => ({
  ...{ platform: 'linux', arch: 'x64', backends: ['cpu', 'webgpu', 'cuda'], libraries: '/ort' },
  environment: {},
  exists: (path) => path in files,
  list: (folder) => [
    ...new Set(
      Object.keys(files)
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1).split('/')[0]),
    ),
  ],
  read: (path) => files[path] ?? '',
  ...more,
});
const state = (provider: string, on: Machine) =>
  providerStates(on).find((each) => each.provider === provider);

const vulkan = {
  '/usr/lib/x86_64-linux-gnu/libvulkan.so.1': '',
  '/usr/share/vulkan/icd.d/lvp_icd.x86_64.json': '',
  '/usr/share/vulkan/icd.d/lvp_icd.i686.json': '',
};
const gpu = {
  '/dev/nvidia0': '',
  '/proc/driver/nvidia/gpus/0000:01:00.0/information': 'Model: \t\t NVIDIA H100\nIRQ: 1\n',
};

describe('a provider', () => {
  test('of NVIDIA needs a GPU and the libraries that the package of npm leaves out', () => {
    expect(state('cuda', machine({}))).toMatchObject({
      state: 'none',
      found: expect.stringContaining('no NVIDIA GPU'),
    });
    const absent = state('cuda', machine(gpu));
    expect(absent?.state).toBe('absent');
    expect(absent?.install).toMatch(
      /^node \S*onnxruntime-node\/script\/install\.js --onnxruntime-node-install=cuda12$/,
    );
    const whole = { ...gpu, '/ort/libonnxruntime_providers_cuda.so': '' };
    expect(state('cuda', machine(whole))?.state).toBe('ready');
    expect(state('cuda', machine(whole, { arch: 'arm64' }))?.state).toBe('none');
    expect(deviceOf('cuda', machine(whole))).toBe('NVIDIA H100');
  });

  test('of WebGPU needs a Vulkan loader and a driver of this processor on Linux', () => {
    expect(state('webgpu', machine({}))).toMatchObject({
      state: 'absent',
      found: 'no Vulkan loader (libvulkan.so.1)',
      install: 'apt-get install libvulkan1 mesa-vulkan-drivers',
    });
    expect(state('webgpu', machine(vulkan))).toMatchObject({
      state: 'ready',
      found: 'Vulkan drivers lvp',
    });
    expect(state('webgpu', machine(vulkan, { backends: ['cpu'] }))?.state).toBe('none');
    expect(state('webgpu', machine({}, { platform: 'darwin', arch: 'arm64' }))?.state).toBe(
      'ready',
    );
    expect(deviceOf('webgpu', machine(vulkan))).toBe('Vulkan in software (lvp)');
    const card = '/sys/class/drm/renderD128/device';
    const hardware = {
      ...{ ...vulkan, '/dev/dri/renderD128': '' },
      ...{ [`${card}/vendor`]: '0x10de\n', [`${card}/device`]: '0x2330\n' },
    };
    expect(deviceOf('webgpu', machine(hardware))).toBe('Vulkan, GPU 10de:2330');
    expect(deviceOf('webgpu', machine({ ...hardware, ...gpu }))).toBe('Vulkan, NVIDIA H100');
    // A driver of hardware that is not here is none.
    const intel = {
      '/usr/lib/libvulkan.so.1': '',
      '/usr/share/vulkan/icd.d/intel_icd.json': '',
    };
    expect(state('webgpu', machine(intel))).toMatchObject({
      state: 'absent',
      found: 'no Vulkan driver for what is here',
    });
    expect(state('webgpu', machine({ ...intel, '/dev/dri/renderD128': '' }))?.state).toBe('ready');
  });

  test('of another system is not on this one', () => {
    const states = providerStates(machine({}));
    expect(states.map(({ provider }) => provider)).toEqual([
      'cpu',
      'cuda',
      'webgpu',
      'coreml',
      'dml',
    ]);
    expect(states.slice(3)).toMatchObject([{ state: 'none' }, { state: 'none' }]);
    const mac = machine({}, { platform: 'darwin', arch: 'arm64', backends: ['cpu', 'coreml'] });
    expect(state('coreml', mac)?.state).toBe('ready');
  });

  test('that is absent is refused in one line: what was found, what is there, how to install it', () => {
    expect(() => requireProvider('cuda', providerStates(machine(gpu)))).toThrowError(
      /^The provider cuda cannot be used here: \/dev\/nvidia0, but no lib\S+; it also needs CUDA 12 .*; this machine has cpu; to install it: node \S+ --onnxruntime-node-install=cuda12$/,
    );
    expect(() => requireProvider('cpu', providerStates(machine({})))).not.toThrow();
  });

  test('is looked for on the machine of this test, too', () => {
    expect(thisMachine().backends).toContain('cpu');
    expect(providerStates()[0]).toMatchObject({ provider: 'cpu', state: 'ready' });
  });
});

describe('an execution', () => {
  const cuda = { provider: 'cuda', device: 'NVIDIA H100', precision: 'tf32' } as const;

  test('comes back from a provenance, and nothing that is none', () => {
    expect(executionOf(runtimeIdentity(2, cuda))).toEqual(cuda);
    expect(executionOf(runtimeIdentity(2))).toBeUndefined();
    expect(executionOf({ provider: 'cuda' })).toBeUndefined();
    expect(executionOf({ ...cuda, device: `x${String.fromCharCode(27)}` })).toBeUndefined();
    expect(executionOf({ ...cuda, device: 'x'.repeat(201) })).toBeUndefined();
    expect(executionOf({ ...cuda, provider: 'abacus' })).toBeUndefined();
    expect(executionOf({ ...cuda, precision: 'float8' })).toBeUndefined();
  });

  test('is asked for again by its provider and precision', () => {
    expect(choiceOf(cuda)).toEqual({ provider: 'cuda', tf32: true });
    expect(choiceOf({ ...cuda, precision: 'float32' })).toEqual({ provider: 'cuda' });
    expect(choiceOf(undefined)).toEqual({ provider: 'cpu' });
    expect(executionText(cuda)).toBe('cuda (NVIDIA H100), tf32');
  });
});
