import { batchBytes, type ScratchPlace, type StoreShape } from './activation-store.js';
import { ScratchFile } from './scratch-file.js';

/** Bytes of a batch from which on a file takes no further layer. */
const FULL = 8 * 2 ** 20;

/** A file, and the place in it of each of its layers. */
export interface Laid<T> {
  readonly file: ScratchFile;
  readonly placed: readonly (readonly [T, ScratchPlace])[];
}

/**
 * Shares layers among scratch files, in their order, so that in a file a batch of its layers lies as the tensors do in
 * memory and can be written at once: few enough files that a batch takes few calls, and small enough ones that
 * disk and page cache have room again soon after the first layers were reduced.
 * @param path of the files, to which a number is added
 */
export function layOut<T extends StoreShape>(shapes: readonly T[], path: string): Laid<T>[] {
  return shared(shapes).map((own, number) => {
    const file = new ScratchFile(`${path}-${number}`);
    const pitch = own.reduce((sum, shape) => sum + batchBytes(shape), 0);
    let offset = 0;
    const placed = own.map((shape) => {
      const place: ScratchPlace = { file, offset, pitch };
      offset += batchBytes(shape);
      return [shape, place] as const;
    });
    return { file, placed };
  });
}

function shared<T extends StoreShape>(shapes: readonly T[]): T[][] {
  const files: T[][] = [];
  let room = 0;
  for (const shape of shapes) {
    if (room <= 0) {
      files.push([]);
      room = FULL;
    }
    files[files.length - 1].push(shape);
    room -= batchBytes(shape);
  }
  return files;
}
