import { type FileHandle, open, readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { openZip } from '../../formats/zip.js';
import { externalFiles, requireExternalData } from '../../onnx/external-data.js';
import { readModel } from '../../onnx/model.js';
import { readExactly } from '../source/read-exactly.js';

const HEAD_BYTES = 512;
/** The longest header of a safetensors file, a bound of the format. */
const MOST_HEADER = 100_000_000;

/** What the bytes of a checkpoint say of its writing. */
export interface InspectedFile {
  /** Why it may still be in writing; absent of a complete one. */
  readonly unfinished?: string;
  /** Files with its external data, relative to its folder. */
  readonly parts: readonly string[];
}

/**
 * Whether a checkpoint may still be in writing, by its own format: a ZIP archive of PyTorch without its directory, which is
 * written last; a safetensors file shorter than its header says; an ONNX file that ends inside its graph, or whose external data
 * are not there; a file that is empty or begins with zeros. A fault that more bytes would not mend is none of this: the import
 * reports it. A pickle of PyTorch before 1.6 does not say how long it is.
 * @throws VentralError `file-missing` and what the file system refuses
 */
export async function inspectFile(path: string): Promise<InspectedFile> {
  const file = await open(path, 'r').catch((error) => {
    throw VentralError.from(error);
  });
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const head = buffer.subarray(0, bytesRead);
    const early = size === 0 ? 'it is empty' : unwritten(head);
    if (early !== undefined) return { unfinished: early, parts: [] };
    if (/\.onnx$/i.test(path)) return await inspectOnnx(path);
    const unfinished =
      head.toString('latin1', 0, 2) === 'PK'
        ? await unfinishedZip(path)
        : head[8] === '{'.charCodeAt(0)
          ? await unfinishedSafetensors(file, size, path)
          : undefined;
    return { ...present({ unfinished }), parts: [] };
  } catch (error) {
    throw VentralError.from(error);
  } finally {
    await file.close();
  }
}

function unwritten(head: Buffer): string | undefined {
  if (head.every((byte) => byte === 0)) return 'it begins with zeros';
  return head.length < 9 ? `it has ${head.length} bytes` : undefined;
}

/** What yauzl and the reader of the file say of an archive whose end is not there. */
const withoutEnd = /End of central directory|unexpected EOF|points past the end/i;

async function unfinishedZip(path: string): Promise<string | undefined> {
  try {
    await (await openZip(path)).close();
    return undefined;
  } catch (thrown) {
    const { code, message } = VentralError.from(thrown);
    if (code !== 'zip-invalid' || !withoutEnd.test(message)) return undefined;
    return 'the directory of its ZIP archive, which is written last, is not there';
  }
}

async function inspectOnnx(path: string): Promise<InspectedFile> {
  let parts: readonly string[] = [];
  try {
    const model = readModel(await readFile(path), basename(path));
    parts = externalFiles(model);
    if (parts.length > 0) await requireExternalData(model, dirname(resolve(path)));
    return { parts };
  } catch (thrown) {
    const { code, message } = VentralError.from(thrown);
    if (code === 'onnx-truncated') return { unfinished: 'it ends inside its graph', parts };
    if (code === 'onnx-external-data') return { unfinished: message, parts };
    return { parts };
  }
}

async function unfinishedSafetensors(
  file: FileHandle,
  size: number,
  path: string,
): Promise<string | undefined> {
  const place = { file: path, field: 'the header' };
  const length = Number((await readExactly(file, 0, 8, place)).readBigUInt64LE());
  if (length > MOST_HEADER) return undefined;
  const short = (needed: number) => `it has ${size} bytes of ${needed}`;
  if (8 + length > size) return short(8 + length);
  const needed = 8 + length + lastOffset(await readExactly(file, 8, length, place));
  return needed > size ? short(needed) : undefined;
}

/** Where the last tensor ends after the header; 0 of a header that is no such. */
function lastOffset(header: Buffer): number {
  try {
    const entries = Object.values(JSON.parse(header.toString('utf8')) as Record<string, unknown>);
    return entries.reduce<number>((last, entry) => {
      const { data_offsets: offsets } = (entry ?? {}) as { data_offsets?: unknown };
      const end = Array.isArray(offsets) ? Number(offsets[1]) : 0;
      return Number.isSafeInteger(end) && end > last ? end : last;
    }, 0);
  } catch {
    return 0;
  }
}
