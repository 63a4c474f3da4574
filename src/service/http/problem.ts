import { basename } from 'node:path';
import type { ErrorRequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import type { ErrorCode } from '../../errors/codes.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Problem, ProblemPart } from './problem-details.js';
import { redactPaths } from './redact-paths.js';
import { RefusalPace } from './refusal-limit.js';

/** A refusal of several parts of a request at once, each under its JSON pointer. */
export class RequestProblem extends VentralError {
  readonly parts: readonly ProblemPart[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    more: { parts?: readonly ProblemPart[]; headers?: Record<string, string> } = {},
  ) {
    super(code, message);
    this.parts = more.parts ?? [];
    this.headers = more.headers ?? {};
  }
}

/** The problem document of an error; `internal` keeps its words to the log. */
export function problemOf(error: VentralError): Problem {
  const { field } = error.details;
  const pointed = field?.startsWith('/') ? [{ pointer: field, detail: error.message }] : [];
  const parts = error instanceof RequestProblem ? [...error.parts] : pointed;
  return {
    type: `/problems/${error.code}`,
    title: error.title,
    status: error.status,
    detail:
      error.code === 'internal'
        ? 'Internal error; see the log of the service.'
        : withoutPath(error),
    ...(parts.length > 0 ? { errors: parts } : {}),
  };
}

/** The error of a system call, with the file name only: server paths stay private. */
function withoutPath({ message, details: { cause } }: VentralError): string {
  const path = isSystemError(cause) ? cause.path : undefined;
  return path ? message.replaceAll(path, basename(path)) : message;
}

/** Answers with a problem document. */
function sendProblem(response: Response, error: VentralError, home: string): void {
  const problem = {
    ...redactPaths(problemOf(error), home),
    requestId: response.locals.requestId as string,
  };
  // Headers of the representation do not apply to a refusal.
  for (const name of ['ETag', 'Content-Disposition', 'Accept-Ranges']) response.removeHeader(name);
  response.set('Cache-Control', 'no-store');
  if (error instanceof RequestProblem) response.set(error.headers);
  const { retryAfter = problem.status === 503 ? 1 : undefined } = error.details;
  if (retryAfter !== undefined) response.set('Retry-After', String(retryAfter));
  response.status(problem.status).type('application/problem+json').json(problem);
}

/** The last handler of the application: whatever was thrown becomes a problem document. */
export function problemHandler(log: Logger, home: string): ErrorRequestHandler {
  const pace = new RefusalPace();
  return async (thrown, request, response, _next) => {
    const error = asVentralError(thrown);
    const { status, code: name } = error;
    if (status === 401 || status === 429 || name === 'queue-full')
      await pace.wait(request, response);
    // The client has disconnected and its work was ended: there is nobody to answer.
    if (response.closed)
      return log.debug({ path: request.path, code: error.code }, 'Client disconnected');
    const words = {
      requestId: response.locals.requestId,
      method: request.method,
      path: request.path,
      code: error.code,
    };
    if (error.status >= 500)
      log.error({ ...words, err: error.details.cause ?? error }, error.message);
    else log.debug(words, error.message);
    // Once a body is on its way the only honest end is a broken connection.
    if (response.headersSent) response.destroy();
    else sendProblem(response, error, home);
  };
}

/** A body of a megabyte can be wrong in a hundred thousand places; the first of them do. */
const MOST_PARTS = 20;

/** What express, its body parser and the validator throw, in our own words. */
function asVentralError(thrown: unknown): VentralError {
  if (thrown instanceof VentralError) return thrown;
  const error = thrown as {
    status?: number;
    type?: string;
    message?: string;
    headers?: Record<string, string>;
    errors?: ValidatorError[];
  };
  if (typeof error?.status !== 'number' || error.status >= 500) return VentralError.from(thrown);
  // A parser may blame the request for a failed system call; only a missing file is its fault.
  if (error.status !== 404 && isSystemError(thrown)) return VentralError.from(thrown);
  if (error.type === 'entity.parse.failed') {
    return new RequestProblem('invalid-request', `The body is not JSON: ${error.message}`, {
      parts: [{ pointer: '', detail: 'not JSON' }],
    });
  }
  const code = byStatus[error.status] ?? 'invalid-request';
  const parts = (error.errors ?? []).slice(0, MOST_PARTS).map(({ path, message }) => ({
    pointer: pointerOf(path),
    detail: message ?? 'is invalid',
  }));
  return new RequestProblem(code, sentence(code, error.message, parts), {
    ...(code === 'invalid-request' ? { parts } : {}),
    ...(error.headers ? { headers: withHead(error.headers) } : {}),
  });
}

/** Whether a system call failed: only libuv's errors have both fields. */
function isSystemError(thrown: unknown): thrown is NodeJS.ErrnoException {
  const { errno, syscall } = (thrown ?? {}) as NodeJS.ErrnoException;
  return typeof errno === 'number' && typeof syscall === 'string';
}

/** The description lists only GET; HEAD is implied. */
function withHead(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { Allow: allow, ...others } = headers;
  return allow === undefined ? others : { ...others, Allow: allow.replace(/\bGET\b/, 'GET, HEAD') };
}

interface ValidatorError {
  readonly path?: string;
  readonly message?: string;
}

const byStatus: Readonly<Record<number, ErrorCode>> = {
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  406: 'not-acceptable',
  412: 'precondition-failed',
  413: 'too-large',
  415: 'unsupported-media-type',
  416: 'range-not-satisfiable',
};

/** The validator's `/body/benchmarks/0` is `/benchmarks/0` of the request's document. */
const pointerOf = (path = '') => path.replace(/^\/body(?=\/|$)/, '');

function sentence(
  code: ErrorCode,
  message: string | undefined,
  parts: readonly ProblemPart[],
): string {
  if (code === 'not-found') return 'Resource not found';
  if (code === 'invalid-request' && parts.length > 0) {
    return parts.map(({ pointer, detail }) => `${pointer || 'the body'} ${detail}`).join('; ');
  }
  return message || 'The request cannot be parsed';
}
