import { workerData } from 'node:worker_threads';
import { Piscina } from 'piscina';
import type { ErrorCode } from '../../errors/codes.js';
import { type ErrorDetails, VentralError } from '../../errors/ventral-error.js';
import type { LabelledSource } from '../data/labelled-set.js';
import { openLabelledSet } from '../data/open-labelled-set.js';
import { BatchMaker, type BatchRequest, type ExampleBatch } from './make-batch.js';
import type { FeedSpec, TrainingBatch } from './training-batch.js';

/** The thread that makes batches: it opens the set once, then serves requests. */

/** Start message of every worker. */
export interface BatchWorkerData {
  readonly source: LabelledSource;
  readonly folder: string;
  /** What the set has to be. */
  readonly digest: string;
  /** With every default written out. */
  readonly spec: FeedSpec;
}

/** A batch to train on, or examples at these positions. */
export type BatchTask = { readonly batch: BatchRequest } | { readonly examples: Int32Array };

/** What came of it; an error keeps its code. */
export type BatchAnswer =
  | { readonly made: TrainingBatch | ExampleBatch }
  | {
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: Omit<ErrorDetails, 'cause'>;
    };

const { source, folder, digest, spec } = workerData as BatchWorkerData;
let maker: Promise<BatchMaker> | undefined;

/** Makes a batch; its arrays move to the thread that asked. */
export default async function makeBatch(task: BatchTask): Promise<unknown> {
  try {
    maker ??= opened();
    const ready = await maker;
    const made =
      'batch' in task ? await ready.make(task.batch) : await ready.examples(task.examples);
    return moved({ made });
  } catch (thrown) {
    const { code, message, details } = VentralError.from(thrown);
    const { cause: _, ...told } = details;
    return { code, message, details: told } satisfies BatchAnswer;
  }
}

async function opened(): Promise<BatchMaker> {
  const set = await openLabelledSet(source, folder);
  if (set.digest === digest) return new BatchMaker(set, spec);
  throw new VentralError(
    'training-data-invalid',
    'The set has changed since the training began to read it',
    { expected: digest, found: set.digest },
  );
}

function moved(answer: { readonly made: TrainingBatch | ExampleBatch }): unknown {
  const buffers = Object.values(answer.made)
    .filter((value) => ArrayBuffer.isView(value))
    .map(({ buffer }) => buffer);
  return Piscina.move({
    get [Piscina.transferableSymbol as never]() {
      return buffers;
    },
    get [Piscina.valueSymbol as never]() {
      return answer;
    },
  } as never);
}
