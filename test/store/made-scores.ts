import { createHash } from 'node:crypto';
import type { Queries } from '../../src/store/database/database.js';
import type { Visibility } from '../../src/store/records/model-store.js';

/** A registration to be written past the service, with digest and name after its id. */
export interface MadeRegistration {
  readonly owner?: string;
  readonly visibility?: Visibility;
  readonly group?: string;
  readonly name?: string;
  readonly card?: object;
}

/** A digest of a text, as of the bytes that it stands for. */
export const digestFor = (text: string): string =>
  `sha256:${createHash('sha256').update(text).digest('hex')}`;

export async function madeModel(
  queries: Queries,
  id: string,
  { owner = 'local', visibility = 'public', group, name = id, card }: MadeRegistration = {},
): Promise<void> {
  await queries.query(
    `insert into models (id, owner, digest, name, visibility, group_name, size, graph, card)
     values ($1, $2, $3, $4, $5, $6, 1, '{}', $7)`,
    [id, owner, digestFor(id), name, visibility, group ?? null, card ? JSON.stringify(card) : null],
  );
}

/** An upload that holds one benchmark for each region. */
export async function madeUpload(
  queries: Queries,
  id: string,
  benchmarks: readonly { readonly id: string; readonly region: string | null }[],
  { owner = 'local', visibility = 'public', group }: MadeRegistration = {},
): Promise<void> {
  const summary = {
    ...{ identifier: benchmarks[0].id, version: 1, simulated: false, metric: 'pls' },
    ...{ visualDegrees: 8, reference: null, benchmarks },
  };
  await queries.query(
    `insert into benchmarks (id, owner, digest, file, visibility, group_name, size, summary)
     values ($1, $2, $3, 'benchmark.yaml', $4, $5, 1, $6)`,
    [id, owner, digestFor(id), visibility, group ?? null, JSON.stringify(summary)],
  );
}

/** A score to be written. */
export interface MadeScore {
  readonly value: number | null;
  readonly ci?: readonly [number, number] | null;
  readonly version?: number;
  readonly selection?: boolean;
  readonly layerChoice?: unknown;
  readonly generalises?: object;
}

/** A score job to be written, ended, with its scores by benchmark. */
export interface MadeJob {
  readonly id: string;
  /** A registration's id or a shipped name. */
  readonly model: string;
  readonly owner?: string;
  readonly scores: Readonly<Record<string, MadeScore | number>>;
  /** Where they come from, if not from what is shipped. */
  readonly sources?: readonly string[];
  readonly input?: object;
}

/** Writes a job and then, or later, its scores. */
export async function madeJob(queries: Queries, job: MadeJob): Promise<void> {
  const { id, model, owner = 'local', scores, input } = job;
  const benchmarks = Object.keys(scores);
  await queries.query(
    `insert into jobs (id, kind, state, owner, registration, model, digest, model_name, card, benchmarks, sources, keys, input)
     values ($1, 'score', 'succeeded', $2, $3, $4, $5, $4, '{}', $6, $7, $6, $8)`,
    [
      ...[id, owner, model.startsWith('mdl_') ? model : null, model, digestFor(model)],
      ...[benchmarks, job.sources ?? benchmarks, input ?? null].map((value) =>
        value === null ? null : JSON.stringify(value),
      ),
    ],
  );
}

export async function madeResults(queries: Queries, { id, scores }: MadeJob): Promise<void> {
  for (const [benchmark, made] of Object.entries(scores)) {
    const score = typeof made === 'number' ? { value: made } : made;
    const { value } = score;
    const whole = {
      ...{ benchmark, version: 1, error: 0.01, selection: false, layerChoice: { by: 'card' } },
      ci: value === null ? null : [value - 0.02, value + 0.02],
      ...score,
    };
    await queries.query(
      'insert into results (job, benchmark, key, score) values ($1, $2, $3, $4)',
      [id, benchmark, `${id} ${benchmark}`, JSON.stringify(whole)],
    );
  }
}

/** A job with its scores. */
export async function madeScores(queries: Queries, job: MadeJob): Promise<void> {
  await madeJob(queries, job);
  await madeResults(queries, job);
}
