import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeScratchFolder } from '../data/scratch-folder.js';
import { checkGraph } from '../onnx/checks/check-graph.js';
import { externalFiles, packExternalData, requireOneFile } from '../onnx/external-data.js';
import { type Model, readModel } from '../onnx/model.js';

/**
 * Works on an ONNX file as one file: itself, or, where it has external data, a file in `HOME/tmp` with them inside, which
 * is removed afterwards.
 * @throws VentralError `onnx-external-data`, and what `work` throws
 */
export async function asOneFile<T>(
  path: string,
  home: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const model = await modelOf(path);
  if (model === undefined || externalFiles(model).length === 0) return work(path);
  requireOneFile(model);
  checkGraph(model);
  const scratch = await makeScratchFolder(home);
  try {
    const packed = join(scratch.path, basename(path));
    await packExternalData(model, dirname(resolve(path)), packed);
    return await work(packed);
  } finally {
    await scratch.remove();
  }
}

/** Undefined for a file that is none of ONNX: the work refuses it. */
async function modelOf(path: string): Promise<Model | undefined> {
  try {
    return readModel(await readFile(path), basename(path));
  } catch {
    return undefined;
  }
}
