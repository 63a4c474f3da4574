import { constants, type FileHandle, open } from 'node:fs/promises';
import { VentralError } from '../errors/ventral-error.js';

/** A file that only grows, and whose content at the time it was opened is known. */
export interface AppendFile {
  /** What was kept of it. */
  readonly content: Buffer;
  /** Writes at its end, and waits until that is on the disk. */
  append(bytes: string | Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Longest file that is read to go on with it. */
const MOST_BYTES = 2 ** 30;

/**
 * Opens a file to go on with it, creating it if it is missing. What a process that was killed left of its last write is cut off.
 * @param keep bytes to keep of the content that is there
 * @throws VentralError `bad-usage` for what is no regular file, or more than a gibibyte, and what the file system refuses
 */
export async function openAppendFile(
  path: string,
  keep: (content: Buffer) => number,
): Promise<AppendFile> {
  let file: FileHandle | undefined;
  try {
    // Opened for reading and writing: one opened to append cannot be cut on every file system.
    file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK, 0o666);
    const { size } = await requireFile(file, path);
    const content = await contentOf(file, size);
    const kept = keep(content);
    if (kept < size) await file.truncate(kept);
    return appendTo(file, content.subarray(0, kept));
  } catch (thrown) {
    await file?.close();
    if ((thrown as NodeJS.ErrnoException).code === 'EISDIR') throw refusal(path, 'a folder');
    throw VentralError.from(thrown);
  }
}

async function requireFile(file: FileHandle, path: string) {
  const found = await file.stat();
  if (!found.isFile()) throw refusal(path, 'something else');
  if (found.size > MOST_BYTES) throw refusal(path, `${found.size} bytes: begin another one`);
  return found;
}

const refusal = (path: string, found: string) =>
  new VentralError('bad-usage', `${path}: expected a file to append to, found ${found}`, {
    file: path,
  });

async function contentOf(file: FileHandle, size: number): Promise<Buffer> {
  const content = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(content, at, size - at, at);
    if (bytesRead === 0) return content.subarray(0, at);
    at += bytesRead;
  }
  return content;
}

function appendTo(file: FileHandle, content: Buffer): AppendFile {
  let end = content.length;
  return {
    content,
    async append(bytes) {
      const written = Buffer.from(bytes);
      try {
        for (let at = 0; at < written.length; )
          at += (await file.write(written, at, written.length - at, end + at)).bytesWritten;
        await file.datasync();
      } catch (thrown) {
        // A full disk takes a part: the next write begins where this one did.
        await file.truncate(end).catch(() => {});
        throw VentralError.from(thrown);
      }
      end += written.length;
    },
    close: () => file.close(),
  };
}

/** Bytes of a text up to the end of its last whole line. */
export const wholeLines = (content: Buffer): number => content.lastIndexOf(10) + 1;
