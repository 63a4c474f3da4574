import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import { localPrincipal } from '../../../src/store/records/principal.js';
import { engines, madePlace, removePlace, type StorePlace } from '../engines.js';

const numbers = (count: number, by: number) =>
  Array.from({ length: count }, (_, i) => ((i * by) % 1) - 0.5);
/** Keys in the order in which jsonb keeps them, so that texts can be compared. */
const score = {
  raw: {
    error: 0.1,
    value: 0.5,
    splits: [0.5],
    neuroids: Array.from({ length: 4 }, (_, k) => numbers(20_000, 0.7366 / (k + 1))),
    neuroid_ids: [...Array.from({ length: 3000 }, (_, i) => `é"${i}`), 'x'.repeat(300_000)],
  },
  error: 1e-7,
  value: 0.5,
  splits: [],
  ceiling: null,
  benchmark: 'b',
};
const map = {
  name: 'x',
  benchmarks: ['b'],
  layers: Array.from({ length: 4000 }, (_, k) => ({
    layer: `blocks.${k}`,
    cells: { b: { value: k / 7, name: 'x', error: 0.1 } },
  })),
};

describe.each(engines)('on the %s database', (engine) => {
  let place: StorePlace;
  let store: HomeStore;
  beforeAll(async () => {
    place = await madePlace(engine);
    store = await openHomeStore(place.home, place);
    const insert = (id: string, kind: string) =>
      store.database.query(
        `insert into jobs (id, kind, state, owner, model, digest, model_name, card, benchmarks, sources, keys, detail, holdout)
         values ($1, $2, 'succeeded', 'local', 'x', 'sha256:x', 'x', '{}', '["a", "b", "c"]', '["b"]', '["k"]', true, false)`,
        [id, kind],
      );
    await insert('job_score', 'score');
    await insert('job_map', 'layer-map');
    const add = 'insert into results (job, benchmark, key, score) values ($1, $2, $3, $4)';
    await store.database.query(add, ['job_score', 'c', 'c', '{"value":1,"benchmark":"c"}']);
    await store.database.query(add, ['job_score', 'b', 'b', JSON.stringify(score)]);
    await store.database.query(
      `insert into layer_maps (job, key, map) values ('job_map', 'k', $1)`,
      [JSON.stringify(map)],
    );
    await store.database.query(`update jobs set map_of = 'job_map' where id = 'job_map'`);
    await store.database.query(
      `insert into events (job, id, type, data) select 'job_score', i, 'result', $1::text::json from generate_series(1, 3) i`,
      [JSON.stringify(score)],
    );
    await store.database.query(
      `insert into events (job, id, type, data) select 'job_map', i, 'progress', '{"done":1}' from generate_series(1, 250) i`,
    );
  });
  afterAll(async () => {
    await store.close();
    await removePlace(place);
  });

  it('a large score is read as it was written, in the order of the benchmarks', async () => {
    const job = await store.jobs.findSeen(localPrincipal, 'job_score');
    const { results } = job as unknown as { results: object[] };
    expect(results).toHaveLength(2);
    expect(JSON.stringify(results[0]) === JSON.stringify(score)).toBe(true);
    expect(results[1]).toEqual({ value: 1, benchmark: 'c' });
  });

  it('a large map is read as it was written', async () => {
    const job = await store.jobs.find('job_map');
    const { result } = job as unknown as { result: object };
    expect(JSON.stringify(result) === JSON.stringify(map)).toBe(true);
  });

  it('a list reads no detail', async () => {
    const { items } = await store.jobs.list(localPrincipal, 'score', {}, { limit: 10 });
    const { value, error, splits } = score.raw;
    expect(items[0]).toMatchObject({ id: 'job_score' });
    expect((items[0] as unknown as { results: object[] }).results[0]).toEqual({
      benchmark: 'b',
      value: 0.5,
      error: 1e-7,
      raw: { value, error, splits },
      ceiling: null,
    });
  });

  it('events come as text, and large ones a few at a time', async () => {
    const { events } = store.jobs;
    const first = await events.texts('job_score', 0);
    expect(first).toEqual([expect.objectContaining({ id: 1, type: 'result' })]);
    expect(first[0].text === JSON.stringify(score)).toBe(true);
    expect((await events.texts('job_score', 2)).map(({ id }) => id)).toEqual([3]);
    expect(await events.texts('job_score', 3)).toEqual([]);
    const small = await events.texts('job_map', 100);
    expect(small.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, i) => 101 + i));
    expect(small[0]).toEqual({ id: 101, type: 'progress', text: '{"done":1}' });
  });
});
