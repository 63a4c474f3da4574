import { randomUUID } from 'node:crypto';
import type { RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { VentralError } from '../../errors/ventral-error.js';
import { type Digestible, digestOf } from '../../formats/digest.js';
import type { Queries } from '../../store/database/database.js';
import {
  IdempotencyStore,
  type KeyClaim,
  type KeyedRequest,
  LEASE_SECONDS,
  noteMade,
  type StoredAnswer,
} from '../../store/records/idempotency-store.js';
import { principalOf } from './principal-of.js';
import { RequestProblem } from './problem.js';
import type { RequestContext } from './request-context.js';

const unsafe = new Set(['POST', 'PATCH', 'DELETE']);

/** Activations make nothing that stays, and what makes a key must never be stored: there the header is of no use. */
const keyed = /^\/v1\/(?:models|features|benchmarks|scores|receipts|layer-maps|trainings)(?:\/|$)/;

/** Headers of an answer that are given again with it. */
const kept = ['Content-Type', 'Location', 'ETag', 'Cache-Control', 'Preference-Applied'];

/**
 * Claims the Idempotency-Key of a request (design §7): while another request holds it the answer is 409. {@link
 * sameRequest} compares the bodies later. Answers to claimed requests are stored, except 429 and 5xx, which ask
 * for a retry.
 */
export function idempotency({ store, log }: RequestContext): RequestHandler {
  const keys = new IdempotencyStore(store.database);
  return async (request, response, next) => {
    const key = request.get('Idempotency-Key');
    if (key === undefined || !unsafe.has(request.method) || !keyed.test(request.path)) {
      return next();
    }
    if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
      throw new VentralError(
        'invalid-request',
        'Idempotency-Key: expected 1 to 255 characters of ASCII',
        { field: '/header/Idempotency-Key' },
      );
    }
    const { method, path } = request;
    const principal = principalOf(response);
    const { owner } = principal;
    const of = { principal: principal.key ?? 'local', owner, method, path, key };
    const token = randomUUID();
    const claim = await keys.claim(of, token);
    if (claim.kind === 'in-flight') throw inFlight();
    const attempt = new Attempt(keys, of, token, claim, log);
    response.locals.attempt = attempt;
    attempt.follow(response);
    next();
  };
}

/**
 * Compares a request with the first one under the same key.
 * @throws VentralError `idempotency-mismatch`
 * @returns the stored answer, if there is one
 */
export async function earlierAnswer(
  response: Response,
  asked: Digestible,
): Promise<StoredAnswer | undefined> {
  return attemptOf(response)?.compare(digestOf(asked));
}

/** Gives the answer of the first request again. */
export function replay(response: Response, { status, headers, body }: StoredAnswer): void {
  response.status(status).set(headers).set('Idempotency-Replayed', 'true');
  response.end(body ?? undefined);
}

/** For requests whose body the parser has read; uploads compare after their stream. */
export const sameBody: RequestHandler = async (request, response, next) => {
  const earlier = await earlierAnswer(response, (request.body as Digestible) ?? null);
  if (earlier) replay(response, earlier);
  else next();
};

/** Whether the request was answered already: its body is compared, not stored again. */
export const wasAnswered = (response: Response): boolean => attemptOf(response)?.answered === true;

/** The resource that a dead request under the same key has created. */
export const madeBefore = (response: Response): string | undefined => attemptOf(response)?.made;

/**
 * Records the resource that a request creates, in the same transaction.
 * @throws VentralError `request-in-flight` where another one has the key by now; then nothing may be made
 */
export async function noteMadeBy(
  response: Response,
  queries: Queries,
  made: string,
): Promise<void> {
  await attemptOf(response)?.note(queries, made);
}

const attemptOf = (response: Response) => response.locals.attempt as Attempt | undefined;

const inFlight = () =>
  new RequestProblem(
    'request-in-flight',
    'Another request with this Idempotency-Key is in progress',
    {
      headers: { 'Retry-After': '1' },
    },
  );

class Attempt {
  readonly #keys: IdempotencyStore;
  readonly #of: KeyedRequest;
  readonly #token: string;
  readonly #claim: Exclude<KeyClaim, { kind: 'in-flight' }>;
  readonly #log: Logger;
  #fingerprint: string | null = null;

  constructor(
    keys: IdempotencyStore,
    of: KeyedRequest,
    token: string,
    claim: Exclude<KeyClaim, { kind: 'in-flight' }>,
    log: Logger,
  ) {
    this.#keys = keys;
    this.#of = of;
    this.#token = token;
    this.#claim = claim;
    this.#log = log;
  }

  get made(): string | undefined {
    return this.#claim.kind === 'claimed' ? (this.#claim.made ?? undefined) : undefined;
  }

  get answered(): boolean {
    return this.#claim.kind === 'answered';
  }

  async compare(fingerprint: string): Promise<StoredAnswer | undefined> {
    const claim = this.#claim;
    if (claim.fingerprint !== null && claim.fingerprint !== fingerprint) {
      throw new VentralError(
        'idempotency-mismatch',
        'The Idempotency-Key was used for a request with another body',
      );
    }
    if (claim.kind === 'answered') return claim.answer;
    if (!(await this.#keys.hold(this.#of, this.#token, fingerprint))) throw inFlight();
    this.#fingerprint = fingerprint;
    return undefined;
  }

  async note(queries: Queries, made: string): Promise<void> {
    if (!(await noteMade(queries, this.#of, this.#token, made))) throw inFlight();
  }

  /** Stores the answer before it is sent, or releases the key if there is none. */
  follow(response: Response): void {
    if (this.#claim.kind === 'answered') return;
    const sign = setInterval(
      () => this.#quietly(this.#keys.hold(this.#of, this.#token, this.#fingerprint)),
      (LEASE_SECONDS * 1000) / 3,
    ).unref();
    const end = response.end;
    let settled: Promise<void> | undefined;
    const settle = (body: unknown) => {
      clearInterval(sign);
      settled ??= this.#quietly(this.#settle(response, body));
      return settled;
    };
    response.end = ((...sent: Parameters<Response['end']>) => {
      response.end = end;
      settle(sent[0]).then(() => end.apply(response, sent));
      return response;
    }) as Response['end'];
    response.once('close', () => settle(GONE));
  }

  async #settle(response: Response, body: unknown): Promise<void> {
    const { statusCode: status } = response;
    const again = status >= 500 || status === 429;
    if (body === GONE || this.#fingerprint === null || again) {
      return this.#keys.release(this.#of, this.#token);
    }
    const headers = kept.flatMap((name) => {
      const value = response.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    const text = body === undefined || body === null ? null : String(body);
    const answer = { status, headers: Object.fromEntries(headers), body: text };
    await this.#keys.answer(this.#of, this.#token, answer);
  }

  /** A key that cannot be kept must not keep the answer back; its lease ends by itself. */
  async #quietly(work: Promise<unknown>): Promise<void> {
    await work.catch((error) =>
      this.#log.warn({ err: error }, 'An Idempotency-Key was not stored'),
    );
  }
}

/** In place of a body: the client went away before it was answered. */
const GONE = Symbol('gone');
