import { open, stat } from 'node:fs/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { openZip } from '../../formats/zip.js';

/** What reads a file: the state dict readers, Keras's, TensorFlow.js's, or TensorFlow Lite's. */
export type CheckpointKind = 'weights' | 'keras' | 'tfjs' | 'tflite';

/**
 * Tells by the bytes what a file is: HDF5 and ZIP archives with a `config.json` are Keras's, folders and JSON
 * are TensorFlow.js's, FlatBuffers with `TFL3` are TensorFlow Lite's, all else is for the readers of state dicts to take or to refuse.
 * @throws VentralError `file-missing`
 */
export async function checkpointKind(path: string): Promise<CheckpointKind> {
  const found = await stat(path).catch((error) => {
    throw VentralError.from(error);
  });
  if (found.isDirectory()) return 'tfjs';
  const head = await headOf(path);
  const text = head.toString('latin1');
  if (text.slice(4) === 'TFL3') return 'tflite';
  if (text.startsWith('\x89HDF')) return 'keras';
  if (text.startsWith('PK\x03\x04')) return (await isKerasArchive(path)) ? 'keras' : 'weights';
  // The length before a safetensors header ends in bytes of zero, which no JSON has.
  return /^\s*\{/.test(text) && !head.includes(0) ? 'tfjs' : 'weights';
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function isKerasArchive(path: string): Promise<boolean> {
  try {
    const zip = await openZip(path);
    const names = zip.entries.map(({ name }) => name);
    await zip.close();
    return names.includes('config.json');
  } catch {
    // The checkpoint reader reports errors of the archive.
    return false;
  }
}
