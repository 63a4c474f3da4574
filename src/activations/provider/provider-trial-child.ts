import { writeSync } from 'node:fs';
import type { ProviderChoice } from '../../runtime/provider.js';
import {
  type Optimization,
  Session,
  type Tensor,
  type TensorDtype,
} from '../../runtime/session.js';
import { type LayerError, layerErrors } from './layer-errors.js';

/** The child process of `tryProvider`: runs one graph on the CPU and on a provider, and writes a line of JSON. */

/** A line of JSON; the bytes of the graph and of its input follow. */
export interface TrialHeader extends ProviderChoice {
  readonly provider: Exclude<ProviderChoice['provider'], 'auto'>;
  readonly name: string;
  readonly threads?: number;
  readonly optimization?: Optimization;
  readonly input: {
    readonly name: string;
    readonly dtype: TensorDtype;
    readonly dims: readonly number[];
  };
  /** Bytes of both. */
  readonly lengths: readonly [graph: number, input: number];
}

/** The answer. */
export type TrialAnswer =
  | {
      readonly layers: readonly LayerError[];
      /** The least of a few runs. */
      readonly milliseconds: { readonly cpu: number; readonly provider: number };
    }
  | { readonly failed: string };

const ANSWER = 3;
const RUNS = 2;

tell(await attempt());
process.exit();

async function attempt(): Promise<TrialAnswer> {
  try {
    return await run();
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const [failed] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    return { failed };
  }
}

async function run(): Promise<TrialAnswer> {
  const { header, graph, input } = await read();
  const { name, dtype, dims } = header.input;
  const feeds = { [name]: { dtype, dims, data: valuesOf(dtype, input) } };
  const cpu = await timed(header, graph, feeds, 'cpu');
  const found = await timed(header, graph, feeds, header.provider);
  return {
    layers: layerErrors(cpu.outputs, found.outputs),
    milliseconds: { cpu: cpu.milliseconds, provider: found.milliseconds },
  };
}

async function timed(
  { name, threads, optimization, tf32 = false }: TrialHeader,
  graph: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
  provider: TrialHeader['provider'],
) {
  const session = await Session.open(graph, {
    ...{ name, provider, tf32, operators: 'fused' },
    ...(threads === undefined ? {} : { threads }),
    ...(optimization === undefined ? {} : { optimization }),
  });
  try {
    const outputs = await session.run(feeds);
    let milliseconds = Number.POSITIVE_INFINITY;
    for (let i = 0; i < RUNS; i++) {
      const started = performance.now();
      await session.run(feeds);
      milliseconds = Math.min(milliseconds, performance.now() - started);
    }
    return { outputs, milliseconds };
  } finally {
    await session.close();
  }
}

function valuesOf(dtype: TensorDtype, bytes: Uint8Array): Tensor['data'] {
  if (dtype === 'float32') return new Float32Array(bytes.buffer);
  return dtype === 'float16' ? new Uint16Array(bytes.buffer) : bytes;
}

/** Reads everything; each part has its own buffer. */
async function read() {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const all = Buffer.concat(chunks);
  const end = all.indexOf('\n');
  const header = JSON.parse(all.toString('utf8', 0, end)) as TrialHeader;
  const [first, second] = header.lengths;
  const from = end + 1;
  const copy = (start: number, length: number) =>
    new Uint8Array(all.subarray(start, start + length));
  return { header, graph: copy(from, first), input: copy(from + first, second) };
}

function tell(answer: TrialAnswer): void {
  // JSON has no infinity.
  const text = JSON.stringify(answer, (_key, value) =>
    value === Number.POSITIVE_INFINITY ? 'Infinity' : value,
  );
  let line = Buffer.from(`${text}\n`);
  while (line.length > 0) line = line.subarray(writeSync(ANSWER, line));
}
