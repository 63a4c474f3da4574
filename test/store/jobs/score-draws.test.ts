import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Score } from '../../../src/scoring/measure/score.js';
import {
  backupTables,
  insertRows,
  rowsOf,
  snapshot,
} from '../../../src/store/database/table-rows.js';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import type { ScoreJobRequest } from '../../../src/store/jobs/job.js';
import { watchDamage } from '../../../src/store/jobs/suspect-results.js';
import { localPrincipal } from '../../../src/store/records/principal.js';
import { storedUsage } from '../../../src/store/records/quota.js';
import { engines, madePlace, removePlace, type StorePlace } from '../engines.js';

const digest = `sha256:${'d'.repeat(64)}`;
const request = (owner: string): ScoreJobRequest => ({
  ...{ kind: 'score', owner, registration: null, model: 'mdl_x', modelName: 'x', card: {} },
  digest: `sha256:${'a'.repeat(64)}`,
  ...{ benchmarks: ['a', 'b'], sources: ['a', 'b'], keys: ['key-a', 'key-b'] },
});
const principal = (owner: string) => ({ ...localPrincipal, role: 'member' as const, owner });
const score = (benchmark: string) =>
  ({ benchmark, value: 0.5, provenance: { draws: digest } }) as unknown as Score;
const bytes = (of: number) => Uint8Array.from({ length: 1000 }, (_, i) => (i * of) % 256);

describe.each(engines)('draws on the %s database', (engine) => {
  let place: StorePlace;
  let store: HomeStore;

  beforeAll(async () => {
    place = await madePlace(engine);
    store = await openHomeStore(place.home, place);
  });
  afterAll(async () => {
    await store.close();
    await removePlace(place);
  });

  const stored = async (owner: string) => (await storedUsage(store.database, owner)).stored;
  /** A job that ended with draws of one of its scores kept ahead, of the other with the end. */
  async function scored(owner: string) {
    const { id } = await store.jobs.create(principal(owner), request(owner));
    await store.jobs.attempts.claim();
    await store.jobs.attempts.addScore(id, 1, score('a'), bytes(3));
    const draws = new Map([
      ['a', bytes(9)],
      ['b', bytes(5)],
    ]);
    const end = { kind: 'score', scores: [score('a'), score('b')], draws, failures: [] } as const;
    await store.jobs.attempts.finish(id, 1, end);
    return id;
  }

  it('stand beside their scores, the first that came, and count as the owner’s', async () => {
    const before = await stored('one');
    const id = await scored('one');
    expect((await stored('one')) - before).toBeGreaterThan(2000);
    const rows = await store.draws.read([
      [id, 'b'],
      [id, 'a'],
      [id, 'none'],
    ]);
    expect(
      rows
        .map((row) => [row.benchmark, row.digest, new Uint8Array(row.bytes as Uint8Array)])
        .sort(),
    ).toEqual([
      ['a', digest, bytes(3)],
      ['b', digest, bytes(5)],
    ]);
  });

  it('follow a score that equal inputs are answered with, for its own owner alone', async () => {
    await scored('two');
    const before = await stored('two');
    const again = await store.jobs.create(principal('two'), request('two'));
    expect(again.state).toBe('succeeded');
    const [row] = await store.draws.read([[again.id, 'a']]);
    expect(new Uint8Array(row.bytes as Uint8Array)).toEqual(bytes(3));
    expect((await stored('two')) - before).toBeGreaterThan(2000);
    const other = await store.jobs.create(principal('three'), request('three'));
    expect(other.state).toBe('queued');
    await store.jobs.cancel(other.id);
  });

  it('are in a backup, byte by byte', async () => {
    const id = await scored('four');
    const table = backupTables.find(({ name }) => name === 'score_draws');
    if (!table) throw new Error('no table of a backup holds draws');
    const rows = await snapshot(store.database, async (queries) => {
      const found: string[] = [];
      for await (const batch of rowsOf(queries, table)) found.push(...batch);
      return found;
    });
    await store.database.query('delete from score_draws');
    await insertRows(
      store.database,
      'score_draws',
      (async function* () {
        yield* rows;
      })(),
    );
    const [row] = await store.draws.read([[id, 'b']]);
    expect(new Uint8Array(row.bytes as Uint8Array)).toEqual(bytes(5));
  });

  it('go with results that were withdrawn, and with those that are removed', async () => {
    const id = await scored('five');
    await watchDamage(store.database).damaged({
      ...{ kind: 'model', digest: request('five').digest, names: [], since: null },
    });
    expect(await store.draws.read([[id, 'a']])).toMatchObject([{ bytes: null }]);
    const kept = await scored('six');
    await store.database.query('delete from results where job = $1', [kept]);
    const left = await store.database.query('select from score_draws where job = $1', [kept]);
    expect(left).toEqual([]);
  });
});
