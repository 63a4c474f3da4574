import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { InputSize } from '../../activations/card/card.js';
import { cardOf, type ModelFile } from '../../activations/model-file.js';
import type { components } from '../../api/schema.js';
import { codes, type ErrorCode } from '../../errors/codes.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Progress } from '../../runtime/work.js';
import type { Score } from '../../scoring/measure/score.js';
import type { ScoreOutcome } from '../../scoring/model/score-model.js';
import { withoutPaths } from '../http/read-card.js';
import { everyPage } from './every-page.js';
import { HttpModels } from './http-models.js';
import { followJob, patiently } from './job-events.js';
import type { ModelResource } from './model-resource.js';
import { callService, callWithJson, type ServicePlace } from './service-client.js';

/** What a service is asked to score. */
export interface RemoteScoreRequest {
  /** Id or digest of a model there, or the name of a shipped one. */
  readonly model: string;
  readonly benchmarks: readonly string[];
  readonly layers?: Readonly<Record<string, string>>;
  readonly input?: InputSize;
  readonly detail?: true;
  /** What is to run the network; the CPU unless said. */
  readonly provider?: string;
}

/** What a service is asked to map. */
export interface RemoteMapRequest {
  readonly model: string;
  readonly benchmarks: readonly string[];
  /** Candidates, names and globs. */
  readonly layers?: readonly string[];
}

/** A layer map as a service gives it, or why there is none. */
export interface RemoteMap {
  readonly map: components['schemas']['LayerMap'] | null;
  /** Of a job without a map: one at least. */
  readonly failures: ScoreOutcome['failures'];
}

/** How far the work is. */
export type Tell = (progress: Progress) => void;

/** Milliseconds in which a service takes a request for a job. */
const ASK_MS = 60_000;
/** Milliseconds in which a service is told to cancel. */
const CANCEL_MS = 10_000;

/** Scores models by a service. */
export class RemoteScores {
  readonly #reach: () => Promise<ServicePlace>;
  readonly #signal: AbortSignal;
  /** Whether the service has answered. */
  #met = false;

  /** @param reach finds the service, whenever it is asked */
  constructor(reach: () => Promise<ServicePlace>, signal: AbortSignal) {
    this.#reach = reach;
    this.#signal = signal;
  }

  /**
   * The registration of a network with this very card: one that is there, or a new one. The caller's own with another
   * card gets this card, as a second upload of the file would give it.
   * @param own whether a registration of somebody else will not do
   * @returns with a line that says what was done, where something was
   */
  async register(
    path: string,
    file: ModelFile,
    { name, own = false }: { readonly name?: string; readonly own?: boolean },
  ): Promise<{ readonly model: ModelResource; readonly said?: string }> {
    const card = JSON.parse(JSON.stringify(withoutPaths(cardOf(file))));
    const caller = (await this.#call('GET', '/session')) as components['schemas']['Session'];
    const found = await everyPage(async (cursor) => {
      const query = new URLSearchParams({
        digest: file.digest,
        ...present({ cursor: cursor ?? undefined }),
      });
      return (await this.#call('GET', `/models?${query}`)) as components['schemas']['ModelPage'];
    });
    const mine = found.find(({ owner }) => owner === caller.owner);
    const isSame = (model: ModelResource) =>
      isDeepStrictEqual(withoutName(model.card), withoutName(card));
    if (mine && isSame(mine)) return { model: mine };
    if (mine) {
      const model = await this.#change(mine.id, { card });
      return { model, said: `${mine.id} (${model.name}): the card there was replaced by this one` };
    }
    const others = own ? undefined : found.find(isSame);
    if (others) return { model: others };
    const models = new HttpModels(await this.#reach());
    const { model } = await models.add({
      path,
      bytes: file.bytes,
      card: JSON.stringify(card),
      ...present({ name }),
    });
    return { model, said: `${model.id}: registered ${model.name}` };
  }

  /**
   * Runs a job and follows it to its end.
   * @param once key under which the service runs the same request once, however often it is sent
   * @throws VentralError `interrupted` when the signal aborts, after the job was cancelled
   */
  async score(
    request: RemoteScoreRequest,
    tell: Tell,
    once: string = randomUUID(),
  ): Promise<ScoreOutcome> {
    return outcomeOf(await this.#run<components['schemas']['Job']>('scores', request, tell, once));
  }

  /**
   * The same for a layer map.
   * @throws VentralError as {@link RemoteScores.score}; what ended the job without a map is in the answer
   */
  async map(
    request: RemoteMapRequest,
    tell: Tell,
    once: string = randomUUID(),
  ): Promise<RemoteMap> {
    type Job = components['schemas']['LayerMapJob'];
    const job = await this.#run<Job>('layer-maps', request, tell, once);
    if (job.result) return { map: job.result, failures: [] };
    const failures = failuresOf(job);
    if (failures.length > 0) return { map: null, failures };
    const error = new VentralError('interrupted', `${job.id} ended without a map: ${job.state}`);
    return { map: null, failures: [{ benchmark: job.id, error }] };
  }

  /**
   * Checks that the service knows a benchmark.
   * @throws VentralError `benchmark-unknown` and what else the service says
   */
  async requireBenchmark(benchmark: string): Promise<void> {
    await this.#call('GET', `/benchmarks/${encodeURIComponent(benchmark)}`);
  }

  async #run<T>(kind: string, request: object, tell: Tell, once: string): Promise<T> {
    const headers = { 'Idempotency-Key': once };
    const { id } = await this.#patient<{ id: string }>(async (place) =>
      // Not ended by the signal: a job whose id is not known yet could not be cancelled.
      callWithJson(place, 'POST', `/v1/${kind}`, request, { headers, quiet: ASK_MS }),
    );
    const path = `/v1/${kind}/${id}`;
    try {
      for await (const { type, data } of followJob(this.#reach, `${path}/events`, this.#signal))
        if (type === 'progress') tell(data as Parameters<Tell>[0]);
    } catch (error) {
      if (this.#signal.aborted) await this.#cancel(id, path);
      throw error;
    }
    return this.#patient<T>(async (place) =>
      callService(place, 'GET', path, { signal: this.#signal }),
    );
  }

  /** Brings results that were computed elsewhere, by their receipt. */
  async bring(receipt: object): Promise<components['schemas']['BroughtScores']> {
    return this.#patient(async (place) =>
      callWithJson(place, 'POST', '/v1/receipts', receipt, { signal: this.#signal }),
    );
  }

  #change(id: string, change: object): Promise<ModelResource> {
    return this.#patient(async (place) =>
      callWithJson(place, 'PATCH', `/v1/models/${id}`, change, { signal: this.#signal }),
    );
  }

  #call(method: string, path: string): Promise<unknown> {
    return this.#patient(async (place) =>
      callService(place, method, `/v1${path}`, { signal: this.#signal }),
    );
  }

  async #patient<T>(ask: (place: ServicePlace) => Promise<{ body: unknown }>): Promise<T> {
    const work = async () => (await ask(await this.#reach())).body as T;
    const answer = await patiently(work, this.#signal, this.#met);
    this.#met = true;
    return answer;
  }

  async #cancel(id: string, path: string): Promise<void> {
    const signal = AbortSignal.timeout(CANCEL_MS);
    try {
      await callService(await this.#reach(), 'DELETE', path, { signal });
    } catch (thrown) {
      const { code, message } = VentralError.from(thrown);
      // It may have ended in between.
      if (code !== 'conflict')
        throw new VentralError('interrupted', `Interrupted; ${id} may still run: ${message}`);
    }
    throw new VentralError('interrupted', `Interrupted; ${id} was cancelled`);
  }
}

const withoutName = (card: unknown) => ({ ...(card as object | null), name: undefined });

type EndedJob = Pick<components['schemas']['Job'], 'id' | 'state' | 'failures' | 'reason'>;

const outcomeOf = (job: components['schemas']['Job']): ScoreOutcome => ({
  scores: job.results as unknown as Score[],
  failures: failuresOf(job),
});

function failuresOf({ id, state, failures, reason }: EndedJob): ScoreOutcome['failures'] {
  if (state === 'cancelled') {
    const why = reason === null ? '' : `: ${reason}`;
    const error = new VentralError('interrupted', `${id} was cancelled there${why}`);
    return [{ benchmark: id, error }];
  }
  return failures.map(({ benchmark, problem }) => ({
    benchmark: benchmark ?? id,
    error: errorOf(problem),
  }));
}

/** The error that a problem document is of. */
function errorOf({ type, detail }: components['schemas']['Problem']): VentralError {
  const code = type.replace('/problems/', '');
  return new VentralError(code in codes ? (code as ErrorCode) : 'internal', detail);
}
