import { codes, type ErrorCode } from './codes.js';
import { bounded } from './quoted.js';

/** Characters of a sentence (a card to complete is the longest) and of each of its details. */
const LONGEST = { message: 16_384, detail: 4_096 };

/** Details of a {@link VentralError} beside its message. */
export interface ErrorDetails {
  /** File that is wrong, as the user named it. */
  readonly file?: string;
  /** Field, column, entry or JSON pointer inside it. */
  readonly field?: string;
  readonly expected?: string;
  readonly found?: string;
  /** The sentence in a few words, for a cell of a table. */
  readonly reason?: string;
  /** Seconds after which another attempt may succeed. */
  readonly retryAfter?: number;
  readonly cause?: unknown;
}

/**
 * The one error that ventral throws on purpose: a stable code and one plain sentence that names
 * file, field, expected and found. Anything else that is thrown is a bug and shows as `internal`.
 */
export class VentralError extends Error {
  override readonly name = 'VentralError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  /** However long the sentence and its details are, they are kept bounded and without control characters. */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(
      bounded(message, LONGEST.message),
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.code = code;
    this.details = boundedDetails(details);
  }

  /** Status of the problem document that HTTP answers. */
  get status(): number {
    return codes[this.code].status;
  }

  /** Exit status of a command that ends with this error. */
  get exit(): number {
    return codes[this.code].exit;
  }

  get title(): string {
    return codes[this.code].title;
  }

  /**
   * Turns whatever was thrown into a VentralError: what a system call says and an abort get their codes,
   * anything unknown becomes `internal` with the original as its cause.
   */
  static from(thrown: unknown): VentralError {
    if (thrown instanceof VentralError) return thrown;
    const error = thrown as { code?: unknown; name?: unknown; message?: unknown; path?: unknown };
    const system = ofSystem(error?.code, typeof error?.path === 'string' ? error.path : undefined);
    if (system) {
      const [code, message, details] = system;
      return new VentralError(code, message, { ...details, cause: thrown });
    }
    if (error?.name === 'AbortError')
      return new VentralError('interrupted', 'Interrupted', { cause: thrown });
    return new VentralError(
      'internal',
      typeof error?.message === 'string' ? error.message : String(thrown),
      { cause: thrown },
    );
  }
}

/** Retry delay in seconds after a temporary shortage. */
const SHORT_SECONDS = 5;

/** Meaning of an errno: errno(3). undefined for those that indicate a bug. */
function ofSystem(
  errno: unknown,
  file: string | undefined,
): readonly [ErrorCode, string, ErrorDetails] | undefined {
  const named = file === undefined ? {} : { file };
  const short = { retryAfter: SHORT_SECONDS };
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return ['disk-full', `No space left on the disk${file ? ` for ${file}` : ''}`, named];
    case 'EIO':
      return ['disk-failed', `The disk failed${file ? ` on ${file}` : ''}`, named];
    case 'EROFS':
      return ['permission-denied', `${file ?? 'The disk'} is read-only`, named];
    case 'EMFILE':
    case 'ENFILE':
      return ['not-ready', 'Too many files are open: try again in a moment', short];
    case 'ENOMEM':
    case 'EAGAIN':
      return [
        'not-ready',
        'The system is short of memory or processes: try again in a moment',
        short,
      ];
    case 'EBUSY':
    case 'ETXTBSY':
      return [
        'not-ready',
        `${file ?? 'A file'} is in use: try again in a moment`,
        { ...named, ...short },
      ];
  }
  if (file === undefined) return undefined;
  switch (errno) {
    case 'ENOENT':
      return ['file-missing', `${file} does not exist`, named];
    case 'EACCES':
    case 'EPERM':
      return ['permission-denied', `Permission denied for ${file}`, named];
    case 'ENOTDIR':
      return ['file-missing', `${file}: expected a folder, found a file in its path`, named];
    case 'ENAMETOOLONG':
      return ['bad-usage', `${file.slice(0, 100)}… is too long for a file name`, {}];
  }
  return undefined;
}

function boundedDetails(details: ErrorDetails): ErrorDetails {
  const entries = Object.entries(details).map(([key, value]) => [
    key,
    typeof value === 'string' ? bounded(value, LONGEST.detail) : value,
  ]);
  return Object.fromEntries(entries) as ErrorDetails;
}
