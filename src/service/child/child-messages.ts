import { StringDecoder } from 'node:string_decoder';
import { codes, type ErrorCode } from '../../errors/codes.js';
import type { ErrorDetails } from '../../errors/ventral-error.js';
import { readSliced } from '../../formats/sliced-json.js';
import type { Progress } from '../../runtime/work.js';

/** A VentralError as it crosses between processes. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Omit<ErrorDetails, 'cause'>;
}

/** Messages of a child to its parent, one JSON document a line. */
export type ChildMessage =
  | ({ readonly kind: 'progress' } & Progress)
  | { readonly kind: 'part'; readonly part: object }
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'error'; readonly error: PlainError };

/** The layers of a graph of as many nodes as are allowed take half of it. */
const LINE = 64 * 2 ** 20;
const TEXT = 10_000;

/**
 * Parses the lines of a child. The file that it read may have hijacked the child, so lines have a maximum length,
 * and anything that is not a message is rejected before use.
 */
export class ChildMessages {
  readonly #decoder = new StringDecoder('utf8');
  #pieces: string[] = [];
  #length = 0;

  /**
   * The lines that end in this chunk.
   * @throws RangeError for one that is too long
   */
  *lines(chunk: Buffer): Generator<string> {
    const lines = this.#decoder.write(chunk).split('\n');
    const rest = lines.pop() as string;
    for (const end of lines) {
      this.#append(end);
      const line = this.#pieces.join('');
      this.#pieces = [];
      this.#length = 0;
      yield line;
    }
    this.#append(rest);
  }

  #append(piece: string): void {
    this.#length += piece.length;
    if (this.#length > LINE) throw new RangeError('a line that is too long');
    if (piece !== '') this.#pieces.push(piece);
  }
}

/**
 * The message of a line; a long line is parsed without blocking the event loop.
 * @throws RangeError for anything else
 */
export async function readMessage(line: string): Promise<ChildMessage> {
  let said: Record<string, unknown>;
  try {
    said = (await readSliced(line)) as Record<string, unknown>;
  } catch {
    throw new RangeError('a line that is not JSON');
  }
  return messageOf(said);
}

function messageOf(said: Record<string, unknown>): ChildMessage {
  if (said?.kind === 'progress' && isProgress(said)) {
    const { kind, stage, done, total } = said;
    const { share, elapsedSeconds, etaSeconds, words } = said as Record<string, unknown>;
    const progress = { kind, stage, done, total, ...estimates(share, elapsedSeconds, etaSeconds) };
    return isText(words) ? { ...progress, words } : progress;
  }
  if (said?.kind === 'part' && typeof said.part === 'object' && said.part !== null) {
    return { kind: 'part', part: said.part };
  }
  if (said?.kind === 'result' && typeof said.result === 'object') {
    return { kind: 'result', result: said.result };
  }
  if (said?.kind === 'error' && isError(said.error)) {
    const { code, message, details } = said.error;
    return { kind: 'error', error: { code, message, details: textsOf(details) } };
  }
  throw new RangeError('a line that is not a message');
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= TEXT;

/** What is no number that could be true counts as unknown. */
function estimates(
  share: unknown,
  elapsed: unknown,
  eta: unknown,
): Pick<Progress, 'share' | 'elapsedSeconds' | 'etaSeconds'> {
  const known = (value: unknown): value is number => Number.isFinite(value) && Number(value) >= 0;
  return {
    share: known(share) ? Math.min(1, share) : 0,
    elapsedSeconds: known(elapsed) ? elapsed : 0,
    etaSeconds: known(eta) ? eta : null,
  };
}

function isProgress(
  said: Record<string, unknown>,
): said is { kind: 'progress' } & Record<'stage' | 'done' | 'total', never> {
  return isText(said.stage) && [said.done, said.total].every(Number.isFinite);
}

function isError(value: unknown): value is PlainError {
  const error = value as PlainError | null;
  return (
    typeof error === 'object' &&
    isText(error?.message) &&
    Object.hasOwn(codes, error.code) &&
    typeof error.details === 'object'
  );
}

function textsOf(details: object | null): PlainError['details'] {
  const known = ['file', 'field', 'expected', 'found', 'reason'];
  return Object.fromEntries(
    Object.entries(details ?? {}).filter(([name, value]) => known.includes(name) && isText(value)),
  );
}
