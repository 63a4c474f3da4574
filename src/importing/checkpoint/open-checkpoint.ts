import { open } from 'node:fs/promises';
import { VentralError } from '../../errors/ventral-error.js';
import type { Checkpoint } from '../source/checkpoint.js';
import { openPytorchLegacy } from './pytorch-legacy.js';
import { openPytorchZip } from './pytorch-zip.js';
import { openSafetensors } from './safetensors.js';

/**
 * Opens a PyTorch or safetensors checkpoint and finds the state dict in it. The kind is told by the bytes, never by
 * the name of the file; nothing in the file is executed, and tensors are read when they are asked for.
 *
 * @param key path of the state dict that is wanted where the file holds several, such as `model_ema`
 * @throws VentralError `file-missing`, `checkpoint-invalid` for what is no such file, `zip-invalid` for a damaged archive,
 *   `checkpoint-unsafe` for a pickle that names anything beyond tensors and plain values, `import-unsupported` for
 *   element types that are not read, `memory-exceeded` for a tensor of more than 2 GiB
 */
export async function openCheckpoint(file: string, key?: string): Promise<Checkpoint> {
  const head = await headOf(file);
  try {
    if (isZip(head)) return await openPytorchZip(file, key);
    if (isLegacy(head)) return await openPytorchLegacy(file, key);
    if (!isSafetensors(head)) return refuseKind(file, head);
  } catch (error) {
    throw VentralError.from(error);
  }
  if (key === undefined || key === '') return openSafetensors(file);
  throw new VentralError(
    'checkpoint-invalid',
    `${file}: a safetensors file has no "${key}"; it is one state dict`,
    {
      file,
      field: key,
      expected: 'no key',
      found: 'a safetensors file',
    },
  );
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

/** A length that no text could be, and the header. */
const isSafetensors = (head: Buffer) =>
  head[8] === '{'.charCodeAt(0) && head.subarray(0, 8).some((byte) => byte < 9 || byte > 126);

/** Files that are taken for checkpoints, by what they begin with, and what is to be done about each. */
const otherTexts: readonly (readonly [RegExp, string])[] = [
  [/^$/, 'is empty: it was not downloaded or not written to its end'],
  [
    /^version https:\/\/git-lfs/,
    'is a pointer of Git LFS, not the file itself; fetch that with "git lfs pull"',
  ],
  [
    /^\s*<(!doctype|html|\?xml|head|body)/i,
    'is a web page, not a checkpoint: the download gave an error or asked for a login',
  ],
  [/^.{257}ustar/s, 'is a tar archive; unpack it, or in PyTorch load it and save it again'],
  [/^\s*[[{]/, 'is JSON, not a checkpoint'],
];

/** The same by their first bytes in hexadecimal. */
const otherBytes: typeof otherTexts = [
  [/^1f8b/, 'is compressed by gzip; unpack it first'],
  [/^(425a68|fd377a585a|28b52ffd|377abcaf)/, 'is compressed; unpack it first'],
  [/^89484446/, 'is an HDF5 file, such as Keras writes, but no PyTorch or safetensors checkpoint'],
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
