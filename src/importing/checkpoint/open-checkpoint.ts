import { open } from 'node:fs/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { openZip } from '../../formats/zip.js';
import type { Checkpoint } from '../source/checkpoint.js';
import type { WhichStateDict } from './find-state-dict.js';
import { openNumpyArchive } from './numpy-archive.js';
import { openPlainPickle } from './plain-pickle.js';
import { openPytorchLegacy } from './pytorch-legacy.js';
import { openPytorchZip } from './pytorch-zip.js';
import { openSafetensors } from './safetensors.js';

/**
 * Opens a PyTorch or safetensors checkpoint and finds the state dict in it. The file type is detected from its
 * contents, never from its name; nothing in the file is executed, and tensors are read on request.
 *
 * @param which of the state dicts is wanted where the file holds several; a path alone is its `key`
 * Throws `file-missing`, `checkpoint-invalid` for what is no such file, `zip-invalid` for a damaged archive,
 * `checkpoint-unsafe` for a pickle that names anything beyond tensors and plain values, `import-unsupported` for
 * element types that are not read, `memory-exceeded` for a tensor of more than 2 GiB.
 */
export async function openCheckpoint(
  file: string,
  which: string | WhichStateDict = {},
): Promise<Checkpoint> {
  const head = await headOf(file);
  const asked = typeof which === 'string' ? { key: which } : which;
  try {
    if (isZip(head) && !(await isNumpyArchive(file))) return await openPytorchZip(file, asked);
    if (isLegacy(head)) return await openPytorchLegacy(file, asked);
    if (isPickle(head)) return await openArrays(file, head, asked);
    if (!isZip(head) && !isSafetensors(head)) return refuseKind(file, head);
  } catch (error) {
    throw VentralError.from(error);
  }
  const { key } = asked;
  const what = isZip(head) ? 'an npz file' : 'a safetensors file';
  if (key === undefined || key === '') {
    return isZip(head) ? openNumpyArchive(file) : openSafetensors(file);
  }
  throw new VentralError(
    'checkpoint-invalid',
    `${file}: ${what} has no "${key}"; it is one state dict`,
    {
      file,
      field: key,
      expected: 'no key',
      found: what,
    },
  );
}

async function isNumpyArchive(file: string): Promise<boolean> {
  const zip = await openZip(file);
  await zip.close();
  const names = zip.entries.map(({ name }) => name);
  return names.some((name) => name.endsWith('.npy')) && !names.some((name) => /pkl$/.test(name));
}

/** A pickle that torch.save did not write is read if it holds numpy arrays, which stand in the pickle itself. */
async function openArrays(file: string, head: Buffer, which: WhichStateDict): Promise<Checkpoint> {
  try {
    return await openPlainPickle(file, which);
  } catch (error) {
    const { code, details } = VentralError.from(error);
    const isEmpty = code === 'checkpoint-invalid' && details.expected === 'a state dict';
    if (isEmpty && which.key === undefined) return refuseKind(file, head);
    throw error;
  }
}

const headBytes = 512;

async function headOf(file: string): Promise<Buffer> {
  try {
    const handle = await open(file);
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EISDIR') throw VentralError.from(error);
    throw new VentralError('checkpoint-invalid', `${file} is a folder, not a checkpoint`, {
      file,
      expected: 'a file',
      found: 'a folder',
    });
  }
}

const startsWith = (head: Buffer, signs: string): boolean =>
  head.toString('latin1', 0, signs.length) === signs;

const isZip = (head: Buffer) => startsWith(head, 'PK\x03\x04') || startsWith(head, 'PK\x05\x06');

/** The magic number as a pickle: of protocol 2 to 5, which `torch.save` writes, with its ten bytes. */
const isLegacy = (head: Buffer) =>
  /^800[2-5](95.{16})?8a0a6cfc9c46f9206aa850192e/.test(head.toString('hex', 0, 32));

const isPickle = (head: Buffer) => /^800[2-5]/.test(head.toString('hex', 0, 2));

/** A length that no text could be, and the header. */
const isSafetensors = (head: Buffer) =>
  head[8] === '{'.charCodeAt(0) && head.subarray(0, 8).some((byte) => byte < 9 || byte > 126);

/** Other file types by their first bytes, with advice for each. */
const otherTexts: readonly (readonly [RegExp, string])[] = [
  [/^$/, 'is empty: it was not downloaded or not written to its end'],
  [
    /^version https:\/\/git-lfs/,
    'is a pointer of Git LFS, not the file itself; fetch that with "git lfs pull"',
  ],
  [
    /^\s*<(!doctype|html|\?xml|head|body)/i,
    'is a web page, not a checkpoint: the download failed or requires a login',
  ],
  [/^.{257}ustar/s, 'is a tar archive; unpack it, or in PyTorch load it and save it again'],
  [/^\s*[[{]/, 'is JSON, not a checkpoint'],
];

/** The same by their first bytes in hexadecimal. */
const otherBytes: typeof otherTexts = [
  [/^1f8b/, 'is compressed by gzip; unpack it first'],
  [/^(425a68|fd377a585a|28b52ffd|377abcaf)/, 'is compressed; unpack it first'],
  [/^89484446/, 'is an HDF5 file, as written by Keras, not a PyTorch or safetensors checkpoint'],
  [
    /^800[0-5]/,
    'is a pickle, but not one that torch.save wrote; in PyTorch, load it and save it with torch.save(state_dict, path)',
  ],
];

function refuseKind(file: string, head: Buffer): never {
  const among = (kinds: typeof otherTexts, text: string) =>
    kinds.find(([pattern]) => pattern.test(text))?.[1];
  const known =
    among(otherTexts, head.toString('latin1')) ?? among(otherBytes, head.toString('hex'));
  const found = known ?? 'is neither a PyTorch checkpoint nor a safetensors file';
  throw new VentralError('checkpoint-invalid', `${file} ${found}`, {
    file,
    expected: 'a PyTorch checkpoint or a safetensors file',
    found,
  });
}
