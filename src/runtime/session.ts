import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { VentralError } from '../errors/ventral-error.js';
import { type Execution, type Precision, type Provider, unavailable } from './provider.js';

/**
 * ONNX Runtime behind one door: nothing else imports onnxruntime-node. `run` holds the event loop
 * for its whole time, so long work belongs in a child process.
 */

/** Element types of ONNX tensors that a session takes and gives. */
export type TensorDtype =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int64'
  | 'int32'
  | 'uint8'
  | 'int8'
  | 'bool'
  | 'uint16'
  | 'int16'
  | 'uint32'
  | 'uint64'
  | 'string';

/** Values of a tensor; float16 as its 16 bits, bool as 0 and 1. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

/** A dense tensor, row-major. */
export interface Tensor {
  readonly dtype: TensorDtype;
  readonly dims: readonly number[];
  readonly data: TensorData;
}

/** An input or output of a graph; a free dimension is null. */
export interface SessionValue {
  readonly name: string;
  readonly dtype: TensorDtype;
  readonly dims: readonly (number | null)[];
}

/** Levels of the runtime's graph optimisation below its highest, the next lower first. */
export const lowerOptimizations = ['extended', 'basic', 'disabled'] as const;
export type Optimization = (typeof lowerOptimizations)[number];

export interface SessionOptions {
  /** Threads within an operator; by default as many as the machine offers. */
  readonly threads?: number;
  /** Name of the file for messages; by default the path. */
  readonly name?: string;
  /**
   * `as written` keeps the runtime from rewriting the graph: slower, but then the bits of a value do not
   * depend on which others are outputs. By default it fuses operators where no output is between them.
   */
  readonly operators?: 'fused' | 'as written';
  /** How far the runtime goes in fusing operators; as far as it can unless said. */
  readonly optimization?: Optimization;
  /** What runs the operators that it has, the CPU the others; `cpu` by default. */
  readonly provider?: Provider;
  /** Whether NVIDIA's TF32 is allowed; one session of a process decides for all. */
  readonly tf32?: boolean;
  /** Whether threads wait busily for the next operator, for a while; false if graphs are small or many. */
  readonly spinning?: boolean;
}

/**
 * For how long (µs) threads wait busily. Most operators of a run follow on each other sooner; waiting longer goes
 * through those that one thread computes, and takes the processor from it and from what is written beside.
 */
const SPIN = 200;

/** Threads that a session uses where none are asked for. */
export function defaultThreads(): number {
  return availableParallelism();
}

/** Names of what the installed runtime was built with. */
export const supportedBackends = (): string[] =>
  library()
    .listSupportedBackends()
    .map(({ name }) => name);

/** The runtime behind a number, for its provenance; device and precision only where the network did not run on the CPU. */
export type RuntimeIdentity = {
  readonly ort: string;
  readonly provider: Provider;
  readonly threads: number;
  readonly device?: string;
  readonly precision?: Precision;
};

/** The runtime of this process. @param execution what runs the network in place of the CPU */
export function runtimeIdentity(
  threads: number = defaultThreads(),
  execution?: Execution,
): RuntimeIdentity {
  const { provider = 'cpu', ...how } = execution ?? {};
  return { ort: version, provider, threads, ...how };
}

const require = createRequire(import.meta.url);
/** Of the package, which is that of the runtime in it: asked for without loading it. */
const { version } = require('onnxruntime-node/package.json') as { readonly version: string };

type Library = typeof import('onnxruntime-node');
let loaded: Library | undefined;

/** With the first session: its library takes a tenth of a second, and tens of MiB where nothing is run. */
function library(): Library {
  loaded ??= require('onnxruntime-node') as Library;
  return loaded;
}

let tf32Allowed: boolean | undefined;

/** The libraries of CUDA read the variable when they start, and only 0 means something to them. */
function decideTf32(allowed: boolean): void {
  if (tf32Allowed !== undefined && tf32Allowed !== allowed)
    throw new RangeError('TF32 is decided once for a process');
  tf32Allowed = allowed;
  if (allowed) delete process.env.NVIDIA_TF32_OVERRIDE;
  else process.env.NVIDIA_TF32_OVERRIDE = '0';
}

/** One loaded graph. Close it when done: its weights live outside the JavaScript heap. */
export class Session {
  readonly inputs: readonly SessionValue[];
  readonly outputs: readonly SessionValue[];
  readonly threads: number;
  readonly #session: InferenceSession;
  readonly #name: string;

  private constructor(session: InferenceSession, name: string, threads: number) {
    this.#session = session;
    this.#name = name;
    this.threads = threads;
    this.inputs = session.inputMetadata.map(describe);
    this.outputs = session.outputMetadata.map(describe);
  }

  /**
   * Loads a model from its bytes or its path.
   * @throws VentralError `not-onnx`, `onnx-truncated`, `onnx-operator` (an operator that the runtime lacks),
   *   `file-missing` or `onnx-invalid`; on another provider than the CPU `provider-unavailable`
   */
  static async open(model: Uint8Array | string, options: SessionOptions = {}): Promise<Session> {
    const threads = options.threads ?? defaultThreads();
    const name = options.name ?? (typeof model === 'string' ? model : 'the model');
    const { provider = 'cpu', tf32 = false } = options;
    if (provider === 'cuda') decideTf32(tf32);
    const settings: InferenceSession.SessionOptions = {
      executionProviders: [provider],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
      // One block for all values of a run would add its size to what the arena has already: measured, it
      // costs a hundred MiB and saves no time.
      enableMemPattern: false,
      graphOptimizationLevel:
        options.operators === 'as written' ? 'disabled' : (options.optimization ?? 'all'),
      extra: {
        session: {
          // Otherwise bytes that look like the runtime's own format are read as that, unchecked.
          load_model_format: 'ONNX',
          intra_op:
            options.spinning === false
              ? { allow_spinning: '0' }
              : { spin_duration_us: String(SPIN) },
        },
      },
    };
    const { InferenceSession } = library();
    try {
      const session =
        typeof model === 'string'
          ? await InferenceSession.create(model, settings)
          : await InferenceSession.create(model, settings);
      return new Session(session, name, threads);
    } catch (error) {
      if (provider === 'cpu') throw openError(error, model, name);
      const [line] = words(error).split('\n');
      throw unavailable(provider, `it could not open ${name} (${line})`, { cause: error });
    }
  }

  /**
   * Runs the graph on `feeds` (one tensor an input) and gives the outputs named in `fetches`, all
   * by default. Outputs that are given as tensors of the right shape are written into them, so that a
   * loop holds one set of them.
   * @throws VentralError `inference-failed` with the runtime's own words
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches: readonly string[] | Readonly<Record<string, Tensor>> = this.outputs.map(
      (output) => output.name,
    ),
  ): Promise<Record<string, Tensor>> {
    try {
      const results = await this.#session.run(
        toOrtAll(feeds),
        isNames(fetches) ? [...fetches] : toOrtAll(fetches),
      );
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor as OrtTensor)]),
      );
    } catch (error) {
      throw new VentralError('inference-failed', `${this.#name} failed to run: ${words(error)}`, {
        file: this.#name,
        cause: error,
      });
    }
  }

  /** Frees the graph. */
  async close(): Promise<void> {
    await this.#session.release();
  }
}

function describe(value: InferenceSession.ValueMetadata): SessionValue {
  if (!value.isTensor) return { name: value.name, dtype: 'float32', dims: [] };
  return {
    name: value.name,
    dtype: value.type as TensorDtype,
    dims: value.shape.map((dim) => (typeof dim === 'number' ? dim : null)),
  };
}

const isNames = (
  fetches: readonly string[] | Readonly<Record<string, Tensor>>,
): fetches is readonly string[] => Array.isArray(fetches);

function toOrtAll(tensors: Readonly<Record<string, Tensor>>): Record<string, OrtTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, toOrt(tensor)]));
}

function toOrt({ dtype, dims, data }: Tensor): OrtTensor {
  const { Tensor: Made } = library();
  return new Made(dtype, data as OrtTensor.DataType, dims);
}

function fromOrt(tensor: OrtTensor): Tensor {
  const data = tensor.data as TensorData;
  // Newer Node versions have a Float16Array, which the runtime then gives: the bits are wanted here.
  const bits =
    tensor.type === 'float16' && !(data instanceof Uint16Array) && ArrayBuffer.isView(data)
      ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
      : data;
  return { dtype: tensor.type as TensorDtype, dims: tensor.dims, data: bits };
}

const words = (error: unknown) => (error instanceof Error ? error.message : String(error));

function openError(error: unknown, model: Uint8Array | string, name: string): VentralError {
  const said = words(error);
  const details = { file: name, cause: error };
  const operator = /No Op registered for (\S+)|Could not find an implementation for (\w+)/.exec(
    said,
  );
  if (operator) {
    const missing = operator[1] ?? operator[2];
    return new VentralError('onnx-operator', `${name} needs the operator ${missing}: ${said}`, {
      ...details,
      found: missing,
    });
  }
  if (/doesn't exist|No such file/.test(said))
    return new VentralError('file-missing', `${name} does not exist`, details);
  if (!/protobuf parsing failed|data pointer is null|does not have a graph/i.test(said))
    return new VentralError('onnx-invalid', `${name} is not a valid graph: ${said}`, details);
  return startsAsModel(typeof model === 'string' ? head(model) : model)
    ? new VentralError('onnx-truncated', `${name} ends before its graph does`, details)
    : new VentralError('not-onnx', `${name} is not an ONNX model`, details);
}

/** First bytes of a file, enough to tell what it is. */
function head(path: string): Uint8Array {
  const bytes = new Uint8Array(4096);
  const file = openSync(path, 'r');
  try {
    return bytes.subarray(0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

/** Wire types of ModelProto's fields: 0 varint, 2 length-delimited (onnx.proto). */
const modelFields = new Map([
  [1, 0],
  [2, 2],
  [3, 2],
  [4, 2],
  [5, 0],
  [6, 2],
  [7, 2],
  [8, 2],
  [14, 2],
  [20, 2],
  [25, 2],
]);

/** Whether the bytes read as fields of a ModelProto until they end. */
function startsAsModel(bytes: Uint8Array): boolean {
  if (bytes.length === 0) return false;
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; at < bytes.length && shift < 70; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (modelFields.get(Math.floor(tag / 8)) !== tag % 8) return false;
    const value = varint();
    if (tag % 8 === 2) at += value;
  }
  return true;
}
