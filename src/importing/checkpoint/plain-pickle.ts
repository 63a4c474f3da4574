import { open } from 'node:fs/promises';
import { readPickle } from '../pickle/pickle.js';
import { fileSource, PickleBytes } from '../pickle/pickle-bytes.js';
import type { Checkpoint } from '../source/checkpoint.js';
import { refuseCheckpoint, refuseUnsafe } from '../source/checkpoint-fault.js';
import { findStateDict, type WhichStateDict } from './find-state-dict.js';
import { findGlobal } from './pickle-globals.js';
import { storedTensors } from './stored-state-dict.js';

/** Bytes of a pickle that holds its numbers itself. */
const mostPickle = 2 ** 30;

/** Opens a dictionary of numpy arrays that `pickle.dump` wrote; see `openCheckpoint`. */
export async function openPlainPickle(file: string, which: WhichStateDict): Promise<Checkpoint> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size > mostPickle) refuseCheckpoint({ file }, `at most ${mostPickle} bytes`, `${size}`);
    const bytes = new PickleBytes(fileSource(handle.fd, size, file), file, '', 0, size);
    const content = readPickle(bytes, {
      find: (module, name, place) => findGlobal(file, module, name, place),
      persistent: (_id, field) =>
        refuseUnsafe({ file, field }, 'it refers to something outside', 'Save it whole'),
    });
    const { tensors, ...found } = findStateDict(content, { file }, which);
    const outside = () => refuseCheckpoint({ file }, 'numbers in the pickle', 'a storage outside');
    const stored = storedTensors(tensors, file, outside);
    return { file, format: 'pickle', ...found, tensors: stored, close: async () => {} };
  } finally {
    await handle.close();
  }
}
