import { open } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { VentralError } from '../errors/ventral-error.js';

const torch = 'a PyTorch checkpoint';
const weights = ' --arch NAME';
/** By the ending of a file: what it is, and what its import needs beside the file. */
const checkpoints: Readonly<Record<string, readonly [what: string, needs: string]>> = {
  '.pth': [torch, weights],
  '.pt': [torch, weights],
  '.ckpt': [torch, weights],
  '.safetensors': ['a file of weights alone', weights],
  '.h5': ['a Keras network', ''],
  '.hdf5': ['a Keras network', ''],
  '.keras': ['a Keras network', ''],
  '.tflite': ['a TensorFlow Lite network', ''],
};

/**
 * Refuses a checkpoint of another framework, by its ending and its first bytes, and says how it is imported.
 * @throws VentralError `not-onnx`
 */
export async function refuseCheckpoint(path: string): Promise<void> {
  const [what, needs] = checkpoints[extname(path).toLowerCase()] ?? [];
  if (what === undefined || (await beginsLikeOnnx(path))) return;
  const base = basename(path, extname(path));
  const other = needs === '' ? '' : ' (or --graph EXPORT.onnx in place of --arch)';
  throw new VentralError(
    'not-onnx',
    `${path} is ${what}, not an ONNX model; import it first: ventral import ${path}${needs} -o ${base}.onnx${other}`,
    { file: path, expected: 'an ONNX model', found: what },
  );
}

/** The version of its format comes first in ONNX; safetensors may begin with the same byte, but has JSON as its ninth. */
async function beginsLikeOnnx(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(9), 0, 9, 0);
    return bytesRead > 0 && buffer[0] === 0x08 && buffer[8] !== '{'.charCodeAt(0);
  } finally {
    await file.close();
  }
}
