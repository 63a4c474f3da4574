import { expect, test } from 'vitest';
import { gpuMemory, gpuPaths } from '../../../src/service/child/gpu-paths.js';

const folders: Readonly<Record<string, readonly string[]>> = {
  '/dev': [
    'nvidia0',
    'nvidia12',
    'nvidiactl',
    'nvidia-uvm',
    'nvidia-caps',
    'kfd',
    'sda',
    'mem',
    'tty0',
  ],
  '/dev/nvidia-caps': ['nvidia-cap1', 'other'],
  '/dev/dri': ['card0', 'renderD128', 'by-path'],
};
const list = (folder: string) => [...(folders[folder] ?? [])];

test('a GPU is its device files and nothing else of /dev: no display, no disk', () => {
  expect(gpuPaths('cuda', list).devices).toEqual([
    ...['/dev/nvidia0', '/dev/nvidia12', '/dev/nvidiactl', '/dev/nvidia-uvm', '/dev/kfd'],
    ...['/dev/nvidia-caps/nvidia-cap1', '/dev/dri/renderD128'],
  ]);
});

test('the CPU has none, and no more memory', () => {
  expect(gpuPaths(undefined, list)).toEqual({ devices: [], reads: [] });
  expect(gpuPaths('cpu', list)).toEqual({ devices: [], reads: [] });
  expect([gpuMemory(undefined), gpuMemory('cpu')]).toEqual([0, 0]);
  expect(gpuMemory('webgpu')).toBeGreaterThan(2 ** 30);
});
