import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { openNpz, writeNpz } from '../../formats/npz.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';

/** Where a run is: enough to continue to the same bits. */
export interface RunState {
  /** Index of the stage that continues. */
  readonly stage: number;
  /** Epochs or checkpoints of it that are done. */
  readonly done: number;
  /** Files of the networks that stages made, by name of the stage. */
  readonly networks: Readonly<Record<string, string>>;
  /** Lengths of the logs at this state. */
  readonly lengths: { readonly metrics: number; readonly tensorboard: number };
  /** SHA-256 of what the run has written: its checkpoints by file, and those bytes of the log of metrics. */
  readonly digests?: {
    readonly checkpoints: Readonly<Record<string, string>>;
    readonly metrics: string;
  };
  /** Of a train stage. */
  readonly training?: TrainingProgress;
}

/** Where a train stage is. */
export interface TrainingProgress {
  /** Batches of this epoch that are done. */
  readonly batches: number;
  /** Steps of the stage, and of the optimizer, that are done. */
  readonly steps: number;
  readonly optimizerSteps: number;
  /** Sums over the batches of this epoch. */
  readonly loss: number;
  readonly best?: { readonly epoch: number; readonly value: number };
  /** Robust accuracies of the guard of fast training, in this epoch. */
  readonly guard: readonly number[];
}

/** Tensors of a state, by name. */
export type StateArrays = ReadonlyMap<string, Float32Array>;

interface StateFile extends RunState {
  readonly arrays?: {
    readonly file: string;
    readonly sha256: string;
    readonly names: readonly string[];
  };
}

const FILE = 'state.json';
/** The log of metrics. */
export const METRICS = 'metrics.jsonl';

/**
 * Keeps a state whole or not at all: its tensors go to a file of their own, and the state names it with its
 * digest; the one before is removed afterwards.
 * @throws VentralError `disk-full`
 */
export async function saveState(
  folder: string,
  state: RunState,
  arrays: StateArrays = new Map(),
): Promise<void> {
  const names = [...arrays.keys()];
  // A new name: the file of the current state stays intact until the next state is written.
  const file = `state-${randomUUID()}.npz`;
  let kept: StateFile = state;
  if (names.length > 0) {
    const contents = names.map((name, i) => {
      const data = arrays.get(name) as Float32Array;
      return {
        name: `array-${i}`,
        array: { dtype: 'float32' as const, shape: [data.length], data },
      };
    });
    await writeNpz(join(folder, file), contents);
    kept = { ...state, arrays: { file, sha256: await digestOf(join(folder, file)), names } };
  }
  const whole = { ...kept, sha256: sha256Of(JSON.stringify(kept)) };
  await writeFileAtomic(join(folder, FILE), `${JSON.stringify(whole, undefined, 2)}\n`);
  const others = (await readdir(folder)).filter((name) => /^state-.*\.npz$/.test(name));
  for (const name of others)
    if (name !== kept.arrays?.file) await rm(join(folder, name), { force: true });
}

/**
 * The state of a run folder, or undefined if none was kept yet.
 * @throws VentralError `checkpoint-invalid` where its tensors are not those that it names
 */
export async function loadState(
  folder: string,
): Promise<{ readonly state: RunState; readonly arrays: StateArrays } | undefined> {
  const found = await readStateFile(folder);
  if (!found) return undefined;
  const { arrays, ...state } = found;
  if (!arrays) return { state, arrays: new Map() };
  const path = join(folder, arrays.file);
  if (!existsSync(path) || (await digestOf(path)) !== arrays.sha256)
    throw new VentralError('checkpoint-invalid', `${path} is not the file that ${FILE} names`, {
      file: path,
    });
  const npz = await openNpz(path);
  const read = new Map<string, Float32Array>();
  try {
    for (const [i, name] of arrays.names.entries())
      read.set(name, (await npz.read(`array-${i}`)).data as Float32Array);
  } finally {
    await npz.close();
  }
  return { state, arrays: read };
}

async function readStateFile(folder: string): Promise<StateFile | undefined> {
  const path = join(folder, FILE);
  if (!existsSync(path)) return undefined;
  let read: StateFile & { readonly sha256?: string };
  try {
    read = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw new VentralError('checkpoint-invalid', `${path} is no JSON`, { file: path, cause });
  }
  const { sha256, ...state } = read;
  // States of earlier versions have no digests at all.
  const old = sha256 === undefined && Object.keys(state).every((key) => earlier.has(key));
  if (old || sha256 === sha256Of(JSON.stringify(state))) return state;
  throw new VentralError('checkpoint-invalid', `${path} is damaged: its SHA-256 is another`, {
    file: path,
  });
}

const earlier = new Set(['stage', 'done', 'networks', 'lengths', 'training', 'arrays']);

/**
 * Compares what a run has written with the digests of its state; undefined if there is no state.
 * @returns the state, and the files that differ from it (removed ones are not listed)
 */
export async function damagedFiles(
  folder: string,
): Promise<{ readonly state: RunState; readonly files: readonly string[] } | undefined> {
  const state = await readStateFile(folder);
  if (!state) return undefined;
  const { arrays, digests, lengths } = state;
  const files: string[] = [];
  if (arrays && !(await hasDigest(join(folder, arrays.file), arrays.sha256)))
    files.push(arrays.file);
  for (const [file, sha256] of Object.entries(digests?.checkpoints ?? {}))
    if (existsSync(join(folder, file)) && !(await hasDigest(join(folder, file), sha256)))
      files.push(file);
  const log = await readFile(join(folder, METRICS)).catch(() => Buffer.alloc(0));
  if (digests && sha256Of(log.subarray(0, lengths.metrics)) !== digests.metrics)
    files.push(METRICS);
  return { state, files };
}

/** @throws VentralError `checkpoint-invalid` where anything that a run has written is damaged */
export async function requireWholeRun(folder: string): Promise<RunState | undefined> {
  const found = await damagedFiles(folder);
  if (!found || found.files.length === 0) return found?.state;
  const path = join(folder, found.files[0]);
  throw new VentralError(
    'checkpoint-invalid',
    `${path} is damaged: it is not what ${FILE} says of it`,
    { file: path },
  );
}

const hasDigest = async (path: string, sha256: string) =>
  existsSync(path) && (await digestOf(path)) === sha256;

/** SHA-256 of bytes or text, in hexadecimal. */
export const sha256Of = (bytes: Uint8Array | string): string =>
  createHash('sha256').update(bytes).digest('hex');

const digestOf = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
