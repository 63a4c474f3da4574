import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { VentralError } from '../../errors/ventral-error.js';
import { programFile } from '../../formats/package-root.js';
import { present } from '../../formats/present.js';
import { GraphBuilder } from '../../onnx/graph-builder.js';
import type { Execution, ProviderChoice } from '../../runtime/provider.js';
import type { Optimization, Tensor } from '../../runtime/session.js';
import type { LayerError } from './layer-errors.js';
import type { TrialAnswer, TrialHeader } from './provider-trial-child.js';

/** What is run on both. */
export interface Trial {
  /** What messages call it. */
  readonly name: string;
  /** Its outputs are compared. */
  readonly graph: readonly Uint8Array[];
  readonly input: Tensor & { readonly name: string };
  readonly optimization?: Optimization | undefined;
}

/** How a trial is run. */
export interface TrialLimits {
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** The module of the child process, for tests. */
  readonly script?: string;
}

/** Longer than a driver takes to compile the shaders of a large network. */
const SECONDS = 600;

/**
 * Runs a graph on the CPU and on a provider in a child process, since a driver may crash or never return.
 * @throws VentralError `interrupted`
 */
export async function tryProvider(
  { name, graph, input, optimization }: Trial,
  { provider, tf32 }: ProviderChoice & { readonly provider: Execution['provider'] },
  { threads, signal, script = trialScript }: TrialLimits,
): Promise<TrialAnswer> {
  if (signal?.aborted) throw VentralError.from(signal.reason);
  const { dtype, dims } = input;
  const data = input.data as Float32Array;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const header: TrialHeader = {
    ...{ provider, name, input: { name: input.name, dtype, dims } },
    ...present({ tf32, threads, optimization }),
    lengths: [graph.reduce((sum, piece) => sum + piece.length, 0), bytes.length],
  };
  const child = spawn(process.execPath, [script], { stdio: ['pipe', 'ignore', 'ignore', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  const deadline = setTimeout(kill, SECONDS * 1000);
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', (code, by) => resolve(by ? `signal ${by}` : `status ${code}`));
    });
    // It may be gone before it has read everything.
    child.stdin?.on('error', () => {});
    for (const piece of [Buffer.from(`${JSON.stringify(header)}\n`), ...graph, bytes])
      child.stdin?.write(piece);
    child.stdin?.end();
    const said = await text(child.stdio[3] as Readable);
    const end = await ended;
    if (signal?.aborted) throw new VentralError('interrupted', 'Interrupted');
    return said === '' ? { failed: `its process ended with ${end}` } : answerOf(said);
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', kill);
    kill();
  }
}

const trialScript = programFile('activations/provider/provider-trial-child.js');

const answerOf = (said: string): TrialAnswer =>
  JSON.parse(said, (_key, value) => (value === 'Infinity' ? Number.POSITIVE_INFINITY : value));

/** Largest error of a layer that counts as the same numbers: of float32, and of what rounds to fewer bits. */
export const BOUND = { float32: 1e-4, rounded: 1e-2 } as const;

/** The bound of a layer on a provider. */
export const boundOf = (
  { half }: Pick<LayerError, 'half'>,
  { precision }: Pick<Execution, 'precision'>,
) => (half || precision !== 'float32' ? BOUND.rounded : BOUND.float32);

/** The layer whose error is the largest part of its bound; undefined where there are none. */
export function worstLayer(
  layers: readonly LayerError[],
  execution: Pick<Execution, 'precision'>,
): LayerError | undefined {
  const share = (layer: LayerError) => layer.error / boundOf(layer, execution);
  return layers.reduce<LayerError | undefined>(
    (worst, layer) => (worst && share(worst) >= share(layer) ? worst : layer),
    undefined,
  );
}

/** A small network of a convolution and a product, for a machine without a model at hand. */
export function smallTrial(): Trial {
  const wave = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
  const graph = new GraphBuilder('trial');
  const input = graph.input('picture', 'float32', ['batch', 8, 12, 12]);
  const weights = graph.initializer('weights', [16, 8, 3, 3], wave(16 * 8 * 9));
  const dense = graph.initializer('dense', [16, 10], wave(160));
  const first = graph.node('Relu', [graph.node('Conv', [input, weights])]);
  const pooled = graph.node('Flatten', [graph.node('GlobalAveragePool', [first])]);
  graph.output(first);
  graph.output(graph.node('MatMul', [pooled, dense]));
  const dims = [4, 8, 12, 12];
  const data = wave(dims.reduce((product, size) => product * size, 1));
  const picture = { name: input, dtype: 'float32', dims, data } as const;
  return { name: 'a small network', graph: [graph.build()], input: picture };
}
