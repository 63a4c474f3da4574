import { isDeepStrictEqual } from 'node:util';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type Digestible, digestOf } from '../../formats/digest.js';
import { present } from '../../formats/present.js';
import { numericsVersion } from '../../numerics/numerics-version.js';
import { executionOf } from '../../runtime/provider.js';
import type { Score } from '../../scoring/measure/score.js';
import type { ExpectedScore } from '../../scoring/receipt/expected-scores.js';
import { RECEIPT_FORMAT } from '../../scoring/receipt/receipt.js';
import { listBenchmarks } from '../../scoring/registry/registry.js';
import { screenVersion } from '../../screen/screen-version.js';
import type { Queries } from '../../store/database/database.js';
import type { BroughtRun } from '../../store/jobs/brought-store.js';
import type { ScoreJob } from '../../store/jobs/job.js';
import { mayChange, type Principal } from '../../store/records/principal.js';
import type { Client } from '../http/client.js';
import { ChildQueue } from '../queue/child-queue.js';
import type { ReceiptAnswer, ReceiptTask } from '../work/job-task.js';
import { measuringPaths } from '../work/task-paths.js';
import { provideSimulated } from '../worker/provide-simulated.js';
import type { AskedBenchmark } from './benchmark-service.js';
import type { ServiceContext } from './context.js';
import type { ScorableModel } from './model-service.js';
import { plainReceipt, plainScore } from './plain-receipt.js';

type Receipt = components['schemas']['Receipt'];
type Run = components['schemas']['ReceiptRun'];

/** Time and bytes of memory of one look at inputs: recordings are read, no network runs. */
const SECONDS = 300;
const MEMORY = 2 ** 31;
/** What the value of equal inputs may differ by on another runtime, as for `ventral verify`. */
const TOLERANCE = 1e-6;

/** Takes scores that were computed elsewhere, if their receipt fits what is here. */
export class ReceiptService {
  readonly #context: ServiceContext;
  readonly #children: ChildQueue;

  constructor(context: ServiceContext) {
    this.#context = context;
    const places = { what: 'checks of receipts', running: 2, runningEach: 1 };
    this.#children = new ChildQueue(places, context.failed);
  }

  /**
   * Stores the scores of a receipt, all or none.
   * @throws VentralError `receipt-invalid` for one that contradicts itself or another version, `receipt-differs` for
   *   one that contradicts what is here, `not-found`, `forbidden`, `benchmark-unknown`, `quota-exceeded`,
   *   `storage-exceeded`
   * @param also what else is written in the same transaction
   */
  async bring(
    client: Client,
    receipt: Receipt,
    also: (queries: Queries, id: string) => Promise<void>,
  ): Promise<{ readonly jobs: readonly ScoreJob[]; readonly created: boolean }> {
    const { brought } = this.#context.store;
    const { principal } = client;
    requireVersions(receipt);
    const kept = receipt.runs.map((run) => plainReceipt(receipt, run));
    const before = await Promise.all(
      kept.map((each) => brought.find(principal.owner, digestOf(each as Digestible))),
    );
    const jobs = before.filter((job) => job !== undefined);
    if (jobs.length === kept.length) return { jobs, created: false };
    await brought.requireQuota(principal);
    const runs: BroughtRun[] = [];
    for (const [position, run] of receipt.runs.entries())
      runs.push(await this.#run(client, kept[position], run, `/runs/${position}`));
    return brought.bring(principal, runs, also);
  }

  async #run(client: Client, kept: Receipt, run: Run, at: string): Promise<BroughtRun> {
    const { principal } = client;
    requireConsistent(kept, run, at);
    const model = await this.#model(principal, run, at);
    const names = run.scores.map(({ benchmark }) => benchmark);
    const benchmarks = await this.#benchmarks(principal, names, at);
    const unchecked: string[] = [];
    const expected = await this.#expected(client, run, model, benchmarks);
    const scores: Score[] = [];
    for (const [k, score] of run.scores.entries()) {
      const place = `${at}/scores/${k}`;
      const found = expected.find((each) => each.benchmark === score.benchmark);
      if (!found || 'error' in found) {
        if (found?.error.code !== 'data-missing') throw unknown(score, found, place);
        requireDefinition(score, place);
        unchecked.push(score.benchmark);
      } else requireExpected(score, found, place);
      const plain = plainScore(score, model.name);
      await this.#requireOwn(model, plain, place);
      scores.push(plain);
    }
    const { ventral, numerics, screen, runtime } = kept;
    return {
      scores,
      receipt: kept,
      brought: {
        ...{ digest: digestOf(kept as Digestible), ventral, numerics, screen },
        ...{ runtime, unchecked },
      },
      request: {
        kind: 'score',
        owner: principal.owner,
        model: model.registration ?? model.reference,
        registration: model.registration,
        digest: model.digest,
        modelName: model.name,
        card: model.card,
        benchmarks: names,
        sources: [...new Set(benchmarks.map(({ source }) => source))],
        keys: scores.map(({ provenance }) => provenance.inputs),
        ...present({ input: run.input }),
        ...(run.detail ? { detail: true as const } : {}),
      },
    };
  }

  /** The caller's registration of the bytes, or the shipped model that has them. */
  async #model(principal: Principal, { model }: Run, at: string): Promise<ScorableModel> {
    const { models, store } = this.#context;
    const found =
      (await store.models.findOwn(principal.owner, model.digest)) ??
      (await store.models.find(principal, model.digest));
    if (found && mayChange(principal, found)) return models.scorable(principal, found.id);
    const shipped = await models.shipped(model.name);
    if (shipped?.digest === model.digest) return models.scorable(principal, model.name);
    const sentence = found
      ? `${found.id} has these bytes and belongs to somebody else: register the model first, scores are brought for models of one's own`
      : `No model with the digest ${model.digest} is registered: register it first`;
    throw new VentralError(found ? 'forbidden' : 'not-found', sentence, {
      field: `${at}/model/digest`,
    });
  }

  /** Shipped benchmarks by identifier, uploads that the caller sees by theirs: its own before those of others. */
  async #benchmarks(
    principal: Principal,
    names: readonly string[],
    at: string,
  ): Promise<readonly AskedBenchmark[]> {
    const { benchmarks, store } = this.#context;
    const shipped = new Set(listBenchmarks().map(({ id }) => id));
    const uploads = names.every((name) => shipped.has(name))
      ? []
      : await store.benchmarks.list(principal);
    const own = uploads.filter(({ owner }) => owner === principal.owner);
    const sources = names.map((name) => {
      if (shipped.has(name)) return name;
      const holds = ({ summary }: (typeof uploads)[number]) =>
        summary.benchmarks.some(({ id }) => id === name);
      return (own.find(holds) ?? uploads.find(holds))?.id ?? name;
    });
    const pointer = (position: number) =>
      `${at}/scores/${names.findIndex((_, k) => sources[k] === [...new Set(sources)][position])}/benchmark`;
    const asked = await benchmarks.asked(principal, [...new Set(sources)], pointer);
    return asked.filter(({ id }) => names.includes(id));
  }

  /** What this service finds for the inputs of the scores. */
  async #expected(
    client: Client,
    { layers, input, scores: [first] }: Run,
    model: ScorableModel,
    benchmarks: readonly AskedBenchmark[],
  ): Promise<readonly ReceiptAnswer[]> {
    const { store, home, closing, benchmarks: registered } = this.#context;
    const file =
      model.registration === null ? model.reference : await store.files.local(model.digest);
    const shipped = listBenchmarks().filter(({ id }) =>
      benchmarks.some(({ source }) => source === id),
    );
    const signal = AbortSignal.any([client.signal, closing]);
    await provideSimulated(shipped, { home, temporary: store.temporary }, signal);
    const uploads = [...new Set(benchmarks.map(({ source }) => source))].filter((source) =>
      source.startsWith('bmk_'),
    );
    const groups = [
      ...(shipped.length > 0 ? [shipped.map(({ id }) => id)] : []),
      ...(await Promise.all(
        uploads.map(async (source) => [(await registered.reference(source)).reference]),
      )),
    ];
    const answers: ReceiptAnswer[] = [];
    const { runtime } = first.provenance as { readonly runtime?: object };
    const execution = executionOf(runtime ?? {});
    for (const names of groups) {
      const task: ReceiptTask = {
        ...{ kind: 'receipt', home, benchmarks: names },
        model: { reference: file, card: model.card },
        ...present({ layers, input, execution }),
      };
      const answer = await this.#children.run<ReceiptAnswer[]>(client, {
        script: 'score-child.js',
        task,
        temporary: store.temporary,
        ...measuringPaths({ home, model: file, benchmarks: names }),
        limits: { memory: MEMORY, seconds: SECONDS },
        signal: closing,
      });
      answers.push(...answer);
    }
    return answers;
  }

  /** @throws VentralError `receipt-differs` where this service has another value for the same inputs */
  async #requireOwn(model: ScorableModel, score: Score, field: string): Promise<void> {
    const [row] = await this.#context.store.database.query<{ value: number | null }>(
      `select results.value from results join jobs on jobs.id = results.job
       where jobs.digest = $1 and jobs.brought is null and jobs.registration is not distinct from $2
       and results.benchmark = $3 and results.score #>> '{provenance,inputs}' = $4
       and not starts_with(results.key, 'suspect:') order by jobs.seq desc limit 1`,
      [model.digest, model.registration, score.benchmark, score.provenance.inputs],
    );
    if (!row || row.value === score.value) return;
    const apart = Math.abs((row.value ?? Number.NaN) - (score.value ?? Number.NaN));
    if (apart <= TOLERANCE) return;
    throw differs(`${field}/value`, score.benchmark, 'value', row.value, score.value);
  }
}

/** @throws VentralError `receipt-invalid` for numbers of another version, which cannot be compared */
function requireVersions({ receipt, numerics, screen, ventral }: Receipt): void {
  for (const [field, expected, found] of [
    ['receipt', RECEIPT_FORMAT, receipt],
    ['numerics', numericsVersion, numerics],
    ['screen', screenVersion, screen],
  ] as const) {
    if (expected === found) continue;
    throw new VentralError(
      'receipt-invalid',
      `The receipt was written by ventral ${ventral} with ${field} ${found}, this service has ${field} ${expected}: score again with the version of the service`,
      { field: `/${field}`, expected: String(expected), found: String(found) },
    );
  }
}

/** @throws VentralError `receipt-invalid` where the parts of a run contradict each other */
function requireConsistent({ ventral }: Receipt, run: Run, at: string): void {
  const invalid = (field: string, sentence: string) =>
    new VentralError('receipt-invalid', sentence, { field: `${at}${field}` });
  const seen = new Set<string>();
  for (const [k, score] of run.scores.entries()) {
    const { benchmark, model } = score;
    const place = `/scores/${k}`;
    const recorded = run.benchmarks.find(({ id }) => id === benchmark);
    const provenance = score.provenance as {
      metric?: unknown;
      inputs?: unknown;
      ventral?: unknown;
    };
    if (seen.has(benchmark)) throw invalid(place, `The run has two scores on ${benchmark}`);
    seen.add(benchmark);
    if (model !== run.model.digest)
      throw invalid(`${place}/model`, `The score on ${benchmark} is of another model than the run`);
    if (!recorded)
      throw invalid(`${place}/benchmark`, `The run does not record the benchmark ${benchmark}`);
    if (recorded.metric !== provenance.metric)
      throw invalid(
        `${place}/provenance/metric`,
        `The score on ${benchmark} is of another metric than the run records`,
      );
    if (provenance.ventral !== ventral)
      throw invalid(
        `${place}/provenance/ventral`,
        `The score on ${benchmark} is of another version than the receipt`,
      );
    if (!/^sha256:[0-9a-f]{64}$/.test(String(provenance.inputs)))
      throw invalid(
        `${place}/provenance/inputs`,
        `The score on ${benchmark} has no digest of its inputs`,
      );
    if (score.ci && (score.ci[0] > score.ci[1] || score.value === null))
      throw invalid(`${place}/ci`, `The interval of the score on ${benchmark} is none`);
  }
}

/** @throws VentralError `receipt-differs` for the first thing that a score says otherwise than this service */
function requireExpected(
  score: Run['scores'][number],
  expected: ExpectedScore,
  field: string,
): void {
  const { provenance } = score;
  const { metric, inputs, ...said } = expected;
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ...Object.entries(said).map(
      ([name, value]) => [name, value, score[name as keyof typeof said]] as const,
    ),
    ['provenance/metric', metric, provenance.metric],
    ['provenance/inputs', inputs, provenance.inputs],
  ];
  for (const [name, here, there] of pairs)
    if (!isDeepStrictEqual(here, there))
      throw differs(`${field}/${name}`, score.benchmark, name, here, there);
}

/** Of a shipped benchmark whose data are not here: its definition. */
function requireDefinition(score: Run['scores'][number], field: string): void {
  const benchmark = listBenchmarks().find(({ id }) => id === score.benchmark);
  if (!benchmark) return;
  const { version, region = null, simulated } = benchmark;
  for (const [name, value] of Object.entries({ version, region, simulated }))
    if (score[name as 'version'] !== value)
      throw differs(`${field}/${name}`, score.benchmark, name, value, score[name as 'version']);
}

function differs(
  field: string,
  benchmark: string,
  name: string,
  here: unknown,
  there: unknown,
): VentralError {
  const hint = name.endsWith('inputs')
    ? ': the card, the data or the definition of the benchmark are others'
    : '';
  const [expected, found] = [JSON.stringify(here) ?? 'none', JSON.stringify(there) ?? 'none'];
  return new VentralError(
    'receipt-differs',
    `${benchmark}: ${name} is ${expected} here and ${found} in the receipt${hint}`,
    { field, expected, found },
  );
}

function unknown(
  score: Run['scores'][number],
  found: Extract<ReceiptAnswer, { error: unknown }> | undefined,
  field: string,
): VentralError {
  if (!found)
    return new VentralError(
      'receipt-differs',
      `${score.benchmark}: this service finds no such score`,
      { field },
    );
  const { code, message, details } = found.error;
  return new VentralError(code, message, { ...details, field });
}
