import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, platform } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { type Execution, type Provider, type ProviderChoice, unavailable } from './provider.js';
import { supportedBackends } from './session.js';

/** Whether a provider can be used on this machine. */
export interface ProviderState {
  readonly provider: Provider;
  /** `ready`: its files and a device are here; `absent`: something is missing that can be installed; `none`: not on this machine. */
  readonly state: 'ready' | 'absent' | 'none';
  /** What was found. */
  readonly found: string;
  /** The command that installs what is missing. */
  readonly install?: string;
}

/** What the states are read from; that of this machine unless said. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Backends of the installed runtime. */
  readonly backends: readonly string[];
  /** Folder of the runtime's libraries. */
  readonly libraries: string;
  exists(path: string): boolean;
  /** Names in a folder; none where it is missing. */
  list(folder: string): readonly string[];
  read(path: string): string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Root of onnxruntime-node. */
const runtimeRoot = () =>
  dirname(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')));

/** This machine. */
export function thisMachine(): Machine {
  const root = runtimeRoot();
  return {
    ...{ platform: platform(), arch: arch() },
    backends: supportedBackends(),
    libraries: join(root, 'bin', 'napi-v6', platform(), arch()),
    exists: existsSync,
    list: (folder) => {
      try {
        return readdirSync(folder).sort();
      } catch {
        return [];
      }
    },
    read: (path) => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return '';
      }
    },
    environment: process.env,
  };
}

/** The command that fetches the libraries of CUDA, which npm's package leaves out. */
const cudaInstall = () =>
  `node ${relative(process.cwd(), join(runtimeRoot(), 'script', 'install.js')) || '.'} --onnxruntime-node-install=cuda12`;

/** The state of every provider, the CPU first. */
export function providerStates(machine: Machine = thisMachine()): ProviderState[] {
  return [
    { provider: 'cpu', state: 'ready', found: 'always there' },
    cudaState(machine),
    webgpuState(machine),
    systemState(machine, 'coreml', 'darwin', 'macOS'),
    systemState(machine, 'dml', 'win32', 'Windows'),
  ];
}

const NVIDIA = ['/dev/nvidia0', '/dev/nvidiactl', '/dev/dxg'];

function cudaState(machine: Machine): ProviderState {
  const provider = 'cuda';
  if (machine.platform !== 'linux' || machine.arch !== 'x64')
    return {
      ...{ provider, state: 'none' },
      found: `the runtime has CUDA on Linux x64 alone, this is ${machine.platform} ${machine.arch}`,
    };
  const device = NVIDIA.find((path) => machine.exists(path));
  const library = 'libonnxruntime_providers_cuda.so';
  const isInstalled = machine.exists(join(machine.libraries, library));
  if (!device) {
    const found = `no NVIDIA GPU (none of ${NVIDIA.join(', ')})`;
    return { provider, state: 'none', found, install: cudaInstall() };
  }
  if (isInstalled) return { provider, state: 'ready', found: `${device} and ${library}` };
  return {
    ...{ provider, state: 'absent', install: cudaInstall() },
    found: `${device}, but no ${library}; it also needs CUDA 12 and cuDNN 9 on the library path`,
  };
}

function webgpuState(machine: Machine): ProviderState {
  const provider = 'webgpu';
  if (!machine.backends.includes(provider))
    return { provider, state: 'none', found: 'this runtime was built without WebGPU' };
  if (machine.platform !== 'linux')
    return { provider, state: 'ready', found: 'part of the runtime' };
  const loader = vulkanLoader(machine);
  const drivers = usableDrivers(machine);
  if (loader && drivers.length > 0)
    return { provider, state: 'ready', found: `Vulkan drivers ${drivers.join(', ')}` };
  return {
    ...{ provider, state: 'absent' },
    found: loader ? 'no Vulkan driver for what is here' : 'no Vulkan loader (libvulkan.so.1)',
    install: 'apt-get install libvulkan1 mesa-vulkan-drivers',
  };
}

function systemState(
  machine: Machine,
  provider: 'coreml' | 'dml',
  system: string,
  name: string,
): ProviderState {
  if (machine.platform !== system)
    return { provider, state: 'none', found: `on ${name} alone, this is ${machine.platform}` };
  return machine.backends.includes(provider)
    ? { provider, state: 'ready', found: 'part of the runtime' }
    : { provider, state: 'none', found: 'this runtime was built without it' };
}

const libraryFolders = ['/usr/lib', '/usr/lib64', '/lib', '/usr/local/lib'];

function vulkanLoader({ exists, environment, arch }: Machine): boolean {
  const triple = arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const named = (environment.LD_LIBRARY_PATH ?? '').split(delimiter).filter(Boolean);
  return [
    ...named,
    ...libraryFolders,
    ...libraryFolders.map((folder) => join(folder, triple)),
  ].some((folder) => exists(join(folder, 'libvulkan.so.1')));
}

/** Folders of manifests of Vulkan drivers. */
export const vulkanFolders = ['/etc/vulkan/icd.d', '/usr/share/vulkan/icd.d'];

/** Drivers by the names of their manifests: `lvp` (software), `radeon`, `nvidia`. */
function vulkanDrivers({ list, environment, arch }: Machine): string[] {
  const named = environment.VK_DRIVER_FILES ?? environment.VK_ICD_FILENAMES;
  const files = named ? named.split(delimiter) : vulkanFolders.flatMap((folder) => list(folder));
  const processor = arch === 'arm64' ? /aarch64|arm64/ : /x86_64/;
  const own = files
    .map((file) => file.replace(/^.*\//, ''))
    .filter(
      (file) => file.endsWith('.json') && (!/\.\w+\.json$/.test(file) || processor.test(file)),
    );
  return [...new Set(own.map((file) => file.replace(/(_icd)?(\.\w+)?\.json$/, '')))].sort();
}

/** Drivers that compute on the processor. */
const SOFTWARE = /^(?:lvp|swiftshader|vk_swiftshader)$/;

/** Nodes of GPUs that a process may open. */
const renderNodes = ({ list }: Machine) =>
  list('/dev/dri').filter((name) => name.startsWith('renderD'));

/** Without a GPU only those that need none. */
function usableDrivers(machine: Machine): string[] {
  const drivers = vulkanDrivers(machine);
  const hasGpu = renderNodes(machine).length > 0 || NVIDIA.some((path) => machine.exists(path));
  return hasGpu ? drivers : drivers.filter((name) => SOFTWARE.test(name));
}

/** Name of the device that a provider takes, as the system tells it: the runtime does not. */
export function deviceOf(provider: Execution['provider'], machine = thisMachine()): string {
  if (provider === 'cuda') return nvidiaModel(machine) ?? 'NVIDIA GPU';
  if (provider === 'webgpu' && machine.platform === 'linux') {
    const ids = renderNodes(machine).map((node) => {
      const id = (name: string) =>
        machine.read(`/sys/class/drm/${node}/device/${name}`).trim().replace(/^0x/, '');
      return `${id('vendor')}:${id('device')}`;
    });
    const gpu = nvidiaModel(machine) ?? (ids.length > 0 ? `GPU ${ids.join(' ')}` : undefined);
    return gpu ? `Vulkan, ${gpu}` : `Vulkan in software (${usableDrivers(machine).join(', ')})`;
  }
  return `${cpus()[0]?.model.trim() || machine.arch} (${machine.platform})`;
}

/** The model of the GPU that CUDA takes first. */
function nvidiaModel({ list, read, environment }: Machine): string | undefined {
  const folder = '/proc/driver/nvidia/gpus';
  const models = list(folder).flatMap((gpu) => {
    const found = /^Model:\s+(.+)$/m.exec(read(join(folder, gpu, 'information')));
    return found ? [found[1].trim()] : [];
  });
  const chosen = Number(environment.CUDA_VISIBLE_DEVICES?.split(',')[0] || 0);
  return models[chosen] ?? models[0];
}

/** What a provider will say of its numbers. */
export const executionOn = (
  provider: Execution['provider'],
  { tf32 = false }: Pick<ProviderChoice, 'tf32'>,
): Execution => ({
  ...{ provider, device: deviceOf(provider).slice(0, 200) },
  precision:
    provider === 'coreml' ? 'unspecified' : provider === 'cuda' && tf32 ? 'tf32' : 'float32',
});

/**
 * Refuses a provider that this machine does not have.
 * @throws VentralError `provider-unavailable`: what was found, and how to install it
 */
export function requireProvider(
  provider: Provider,
  states: readonly ProviderState[] = providerStates(),
): void {
  const state = states.find((each) => each.provider === provider);
  if (state?.state === 'ready') return;
  const ready = states.filter((each) => each.state === 'ready').map((each) => each.provider);
  throw unavailable(provider, state?.found ?? 'unknown', { ready, install: state?.install });
}
