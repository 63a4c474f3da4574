import { workerData } from 'node:worker_threads';
import type { ModelCard } from '../../activations/card/card.js';
import type { ErrorCode } from '../../errors/codes.js';
import { type ErrorDetails, VentralError } from '../../errors/ventral-error.js';
import { type Half, partOf } from '../measure/halves.js';
import type { Measured, PreparedBenchmark } from '../measure/loaded-benchmark.js';
import { loadBenchmarks } from '../registry/load-benchmark.js';
import { receivedLayer, type SentLayer } from './sent-layer.js';

/** The thread in which layers are compared with data: it loads a benchmark once, then measures. */

/** One measurement. */
export interface MeasureTask {
  /** Identifier, and the file that defines it. */
  readonly benchmark: string;
  readonly file: string;
  readonly half?: Half | undefined;
  readonly nested?: boolean;
  readonly layer: SentLayer;
  readonly card: ModelCard;
}

/** What came of it; an error keeps its code. */
export type MeasureAnswer =
  | { readonly measured: Measured }
  | {
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: Omit<ErrorDetails, 'cause'>;
    };

type Loaded = ReadonlyMap<string, PreparedBenchmark | VentralError>;

/** Start message of every worker. */
export interface WorkerData {
  readonly home: string;
  /** Not 0 after cancellation. */
  readonly stop: Int32Array;
}

/** Milliseconds between looks at it. */
const LOOK = 50;

const { home, stop } = workerData as WorkerData;
// A thread that is terminated inside a call of the runtime takes the process with it, so it ends itself:
// every call of the runtime lets timers run before it starts.
setInterval(() => {
  if (Atomics.load(stop, 0) !== 0) process.exit();
}, LOOK).unref();

const files = new Map<string, Promise<Loaded>>();

/** Measures a layer on a benchmark. */
export default async function measure(task: MeasureTask): Promise<MeasureAnswer> {
  try {
    const benchmark = await benchmarkOf(task);
    const measured = await benchmark.measure(receivedLayer(task.layer), {
      card: task.card,
      nested: task.nested,
    });
    return { measured };
  } catch (thrown) {
    const { code, message, details } = VentralError.from(thrown);
    const { cause: _, ...told } = details;
    return { code, message, details: told };
  }
}

async function benchmarkOf({ benchmark, file, half }: MeasureTask): Promise<PreparedBenchmark> {
  let load = files.get(file);
  if (!load) {
    load = loadAll(file);
    files.set(file, load);
  }
  const loaded = (await load).get(benchmark);
  if (!loaded) throw new Error(`${file} no longer defines ${benchmark}`);
  if (loaded instanceof VentralError) throw loaded;
  return partOf(loaded, half);
}

async function loadAll(file: string): Promise<Loaded> {
  const found = new Map<string, PreparedBenchmark | VentralError>();
  const { loaded } = await loadBenchmarks([file], { home }, (id, error) => {
    found.set(id, VentralError.from(error));
  });
  for (const each of loaded) found.set(each.benchmark.id, each);
  return found;
}
