import { setImmediate as turn } from 'node:timers/promises';
import type { Generalisation } from '../../scoring/draws/score-draws.js';
import type { Database } from '../database/database.js';
import type { StoredModel } from './result-store.js';
import { scoreSummaries } from './score-summaries.js';

type Asked = readonly [job: string, benchmark: string];

/** Columns after which other requests get their turn: one without intervals is searched through all models. */
const COLUMNS = 8;
/** Scores that are kept: those of some boards. */
const KEPT = 5000;

/**
 * What the intervals on benchmarks speak of, as the first model with an interval says: all are on the same recordings, by
 * the same metric. Scores that were brought are not asked: nobody checked what theirs say of themselves.
 */
export class IntervalGeneralisations {
  readonly #database: Database;
  /** By job and benchmark; neither changes. */
  readonly #known = new Map<string, Generalisation | null>();

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * @param benchmarks names of columns, and under which scores bear them
   * @param models in their order. The caller has to know that they may be seen
   * @returns by column, where it is known
   */
  async read(
    benchmarks: readonly { readonly id: string; readonly benchmark: string }[],
    models: readonly StoredModel[],
  ): Promise<ReadonlyMap<string, Generalisation>> {
    const asked: { readonly id: string; readonly score: Asked }[] = [];
    for (const [k, { id, benchmark }] of benchmarks.entries()) {
      if (k % COLUMNS === 0) await turn();
      const job = jobOf(models, id);
      if (job !== undefined) asked.push({ id, score: [job, benchmark] });
    }
    const known = await this.#ofScores(asked.map(({ score }) => score));
    return new Map(
      asked.flatMap(({ id, score }) => {
        const found = known.get(keyOf(score));
        return found ? [[id, found] as const] : [];
      }),
    );
  }

  async #ofScores(scores: readonly Asked[]): Promise<ReadonlyMap<string, Generalisation | null>> {
    const fresh = scores.filter((score) => !this.#known.has(keyOf(score)));
    const read = fresh.length > 0 ? await scoreSummaries(this.#database, fresh) : [];
    const found = new Map(
      read.map(({ job, benchmark, generalises }) => [keyOf([job, benchmark]), generalises ?? null]),
    );
    for (const key of scores.map(keyOf))
      found.set(key, found.get(key) ?? this.#known.get(key) ?? null);
    if (this.#known.size + fresh.length > KEPT) this.#known.clear();
    for (const [key, generalises] of found) this.#known.set(key, generalises);
    return found;
  }
}

const keyOf = (score: Asked): string => score.join(' ');

function jobOf(models: readonly StoredModel[], column: string): string | undefined {
  for (const { scores } of models) {
    const score = scores.get(column);
    if (score?.ci && !score.brought) return score.job;
  }
  return undefined;
}
