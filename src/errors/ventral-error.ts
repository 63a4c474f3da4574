import { codes, type ErrorCode } from './codes.js';
import { bounded } from './quoted.js';

/** Characters of a sentence (a card to complete is the longest) and of each of its details. */
const LONGEST = { message: 16_384, detail: 4_096 };

/** What a {@link VentralError} can say beside its sentence. */
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
   * Turns whatever was thrown into a VentralError: a full disk and an abort get their codes,
   * anything unknown becomes `internal` with the original as its cause.
   */
  static from(thrown: unknown): VentralError {
    if (thrown instanceof VentralError) return thrown;
    const error = thrown as { code?: unknown; name?: unknown; message?: unknown; path?: unknown };
    const where = typeof error?.path === 'string' ? { file: error.path } : {};
    if (error?.code === 'ENOSPC' || error?.code === 'EDQUOT') {
      return new VentralError(
        'disk-full',
        `No space left on the disk${'file' in where ? ` for ${where.file}` : ''}`,
        { ...where, cause: thrown },
      );
    }
    if (error?.code === 'ENOENT' && 'file' in where) {
      return new VentralError('file-missing', `${where.file} does not exist`, {
        ...where,
        cause: thrown,
      });
    }
    if ((error?.code === 'EACCES' || error?.code === 'EPERM') && 'file' in where) {
      return new VentralError('permission-denied', `${where.file} may not be opened or written`, {
        ...where,
        cause: thrown,
      });
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

function boundedDetails(details: ErrorDetails): ErrorDetails {
  const entries = Object.entries(details).map(([key, value]) => [
    key,
    typeof value === 'string' ? bounded(value, LONGEST.detail) : value,
  ]);
  return Object.fromEntries(entries) as ErrorDetails;
}
