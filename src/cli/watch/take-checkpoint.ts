import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, open, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { type CardSource, type ModelFile, openModelFile } from '../../activations/model-file.js';
import { makeScratchFolder, type ScratchFolder } from '../../data/scratch-folder.js';
import { VentralError } from '../../errors/ventral-error.js';
import { getMetadata } from '../../onnx/metadata.js';
import type { NamedProgress } from './checkpoint-name.js';
import { type FoundFile, signatureOf } from './scan-runs.js';

/** A checkpoint as it was at one moment, whatever becomes of its file. */
export interface TakenCheckpoint {
  /** `sha256:…` of the file, of ONNX with its external data. */
  readonly digest: string;
  /** The copy, under the name of the file. */
  readonly path: string;
  /** Where the card of an ONNX file was found, which lay beside it. */
  readonly card?: CardSource;
  /** What its metadata say. */
  readonly progress: NamedProgress;
  readonly scratch: ScratchFolder;
}

/** What a copy needs. */
export interface TakeOptions {
  readonly home: string;
  /** Bytes of scratch disk. */
  readonly maxScratch: number;
  readonly card: CardSource;
  readonly signal?: AbortSignal;
}

/**
 * Copies a checkpoint to scratch while its digest is taken: what is scored is what the digest says, also if a training deletes or
 * writes over the file meanwhile.
 * @returns undefined if the file changed or went meanwhile
 * @throws VentralError `memory-exceeded` for a file beyond the scratch limit, what opening an ONNX file throws, `disk-full`
 */
export async function takeCheckpoint(
  file: FoundFile,
  options: TakeOptions,
): Promise<TakenCheckpoint | undefined> {
  if (file.size > options.maxScratch)
    throw new VentralError(
      'memory-exceeded',
      `${file.name} has ${file.size} bytes, and --max-scratch is ${options.maxScratch}`,
      { file: file.name },
    );
  const scratch = await makeScratchFolder(options.home);
  try {
    const take = file.kind === 'network' ? copyNetwork : copyWeights;
    const taken = await take(file, scratch, options);
    if (taken && (await currentSignature(file.path)) === file.signature)
      return { ...taken, scratch };
    await scratch.remove();
    return undefined;
  } catch (thrown) {
    await scratch.remove();
    // One that was replaced while it was read is looked at again.
    if ((await currentSignature(file.path)) !== file.signature) return undefined;
    throw thrown;
  }
}

/** Signature of a file as it is now; undefined if there is none. */
export async function currentSignature(path: string): Promise<string | undefined> {
  const stats = await lstat(path, { bigint: true }).catch(() => undefined);
  return stats && signatureOf(stats);
}

/** The same of files with external data, which may be links of a hub's cache. */
export async function signatureOfParts(file: FoundFile, parts: readonly string[]): Promise<string> {
  const found = await Promise.all(
    parts.map((part) =>
      stat(join(dirname(file.path), part), { bigint: true }).then(signatureOf, () => 'none'),
    ),
  );
  return found.join(', ');
}

type Taken = Omit<TakenCheckpoint, 'scratch'>;

const CHUNK = 2 ** 22;

async function copyWeights(
  file: FoundFile,
  scratch: ScratchFolder,
  { signal }: TakeOptions,
): Promise<Taken | undefined> {
  const path = join(scratch.path, basename(file.path));
  const source = await openPlain(file.path);
  try {
    if (signatureOf(await source.stat({ bigint: true })) !== file.signature) return undefined;
    const copy = await open(path, 'wx');
    const hash = createHash('sha256');
    try {
      const buffer = Buffer.alloc(CHUNK);
      for (;;) {
        signal?.throwIfAborted();
        const { bytesRead } = await source.read(buffer, 0, CHUNK, null);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
        await copy.writeFile(buffer.subarray(0, bytesRead));
      }
    } finally {
      await copy.close();
    }
    const digest = `sha256:${hash.digest('hex')}`;
    return { digest, path, progress: {} };
  } finally {
    await source.close();
  }
}

/** A file that was exchanged for a link or a pipe since it was found is not followed or waited for. */
const openPlain = (path: string) =>
  open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error) => {
    throw VentralError.from(error);
  });

async function copyNetwork(
  file: FoundFile,
  scratch: ScratchFolder,
  { card }: TakeOptions,
): Promise<Taken> {
  const model = await openModelFile(file.path, card);
  const path = join(scratch.path, `${basename(file.path, extname(file.path))}.onnx`);
  await writeFile(path, model.bytes);
  const { digest, cardPlace } = model;
  const beside = cardPlace?.kind === 'file' ? { file: cardPlace.path } : card;
  return { digest, path, card: beside, progress: progressInside(model) };
}

function progressInside({ model }: ModelFile): NamedProgress {
  const counted = (...keys: readonly string[]) =>
    keys
      .map((key) => getMetadata(model, key))
      .filter((text) => text !== undefined && /^\d{1,15}$/.test(text))
      .map(Number)[0];
  const [step, epoch] = [counted('ventral.step', 'step'), counted('ventral.epoch', 'epoch')];
  return {
    ...(step === undefined ? {} : { step }),
    ...(epoch === undefined ? {} : { epoch }),
  };
}
