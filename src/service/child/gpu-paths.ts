import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Provider } from '../../runtime/provider.js';

/** What a child sees of the machine's GPUs beside what every child sees; nothing where the CPU does its work. */
export interface GpuPaths {
  /** Device files, which it reads and writes. */
  readonly devices: readonly string[];
  /** What drivers look up: their manifests, and how the bus is laid out. */
  readonly reads: readonly string[];
}

const drivers = [
  ...['/etc/vulkan', '/etc/OpenCL', '/etc/nvidia', '/etc/drirc', '/usr/share/vulkan', '/opt/rocm'],
  ...['/sys/bus/pci', '/sys/class/drm', '/sys/dev/char', '/sys/devices', '/sys/module/nvidia'],
];

/** Device files of NVIDIA, of the kernel's graphics drivers (render nodes alone), of AMD's compute, and of Windows' Linux. */
const patterns: readonly (readonly [folder: string, name: RegExp])[] = [
  ['/dev', /^(?:nvidia(?:\d+|ctl|-uvm|-uvm-tools|-modeset)|kfd|dxg)$/],
  ['/dev/nvidia-caps', /^nvidia-cap\d+$/],
  ['/dev/dri', /^renderD\d+$/],
];

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** The paths of a provider. @param list names in a folder, for tests */
export function gpuPaths(provider: Provider | undefined, list = namesIn): GpuPaths {
  if (provider === undefined || provider === 'cpu') return { devices: [], reads: [] };
  const devices = patterns.flatMap(([folder, name]) =>
    list(folder)
      .filter((each) => name.test(each))
      .map((each) => join(folder, each)),
  );
  return { devices, reads: drivers };
}

/** Memory of a child for its provider's driver, beside its other work: contexts and compiled kernels of CUDA take some GiB. */
export const gpuMemory = (provider: Provider | undefined): number =>
  provider === undefined || provider === 'cpu' ? 0 : 6 * 2 ** 30;

/** Variables by which devices and drivers are chosen. */
export const gpuVariables = [
  ...['CUDA_VISIBLE_DEVICES', 'CUDA_DEVICE_ORDER', 'VK_DRIVER_FILES', 'VK_ICD_FILENAMES'],
];
