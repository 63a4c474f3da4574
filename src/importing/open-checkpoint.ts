import { open } from 'node:fs/promises';
import { VentralError } from '../errors/ventral-error.js';
import type { Checkpoint } from './checkpoint.js';
import { openPytorchZip } from './pytorch-zip.js';

/**
 * Opens a PyTorch or safetensors checkpoint and finds the state dict in it. The kind is told by the bytes, never by
 * the name of the file; nothing in the file is executed, and tensors are read when they are asked for.
 *
 * @param key path of the state dict that is wanted where the file holds several, such as `model_ema`
 * Throws `file-missing`, `checkpoint-invalid` for what is no such file, `checkpoint-unsafe` for a pickle that names
 * anything beyond tensors and plain values, `import-unsupported` for element types that are not read.
 */
export async function openCheckpoint(file: string, key?: string): Promise<Checkpoint> {
  const head = await headOf(file);
  if (head.toString('latin1', 0, 2) === 'PK') return openPytorchZip(file, key);
  throw new VentralError('checkpoint-invalid', `${file} is no checkpoint`, { file });
}

async function headOf(file: string): Promise<Buffer> {
  const handle = await open(file).catch((error) => {
    throw VentralError.from(error);
  });
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
