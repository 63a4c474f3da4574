import { close, read } from 'node:fs';
import { Readable } from 'node:stream';
import yauzl from 'yauzl';

/**
 * An open file for yauzl, which holds every range against the file: an archive may say that its directory or an
 * entry lies where no file has bytes, and Node throws on such positions out of reach of yauzl's callbacks.
 */
export class ZipFileReader extends yauzl.RandomAccessReader {
  readonly #fd: number;
  readonly #size: number;

  constructor(fd: number, size: number) {
    super();
    this.#fd = fd;
    this.#size = size;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null, bytesRead?: number) => void,
  ): void {
    if (this.#holds(position, position + length)) {
      read(this.#fd, buffer, offset, length, position, done);
    } else {
      setImmediate(done, pastEnd());
    }
  }

  override _readStreamForRange(start: number, end: number): Readable {
    if (this.#holds(start, end)) return rangeStream(this.#fd, start, end);
    return new Readable({
      read() {
        this.destroy(pastEnd());
      },
    });
  }

  override close(done: (error: Error | null) => void): void {
    close(this.#fd, (error) => done(error ?? null));
  }

  #holds(start: number, end: number): boolean {
    return start >= 0 && start <= end && end <= this.#size;
  }
}

const chunkBytes = 64 * 1024;

/** Bytes of a range; unlike the streams of `node:fs` it leaves the file open when it is destroyed. */
function rangeStream(fd: number, start: number, end: number): Readable {
  let at = start;
  return new Readable({
    highWaterMark: chunkBytes,
    read() {
      const wanted = Math.min(chunkBytes, end - at);
      if (wanted === 0) return void this.push(null);
      read(fd, Buffer.allocUnsafeSlow(wanted), 0, wanted, at, (error, bytesRead, chunk) => {
        if (error || bytesRead === 0) return void this.destroy(error ?? pastEnd());
        at += bytesRead;
        this.push(chunk.subarray(0, bytesRead));
      });
    },
  });
}

const pastEnd = () => new Error('unexpected EOF: it points past the end of the file');
