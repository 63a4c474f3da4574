import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { rowsOf, snapshot } from '../../../src/store/database/table-rows.js';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import { madeHome } from '../made-home.js';

let home: string;
let store: HomeStore;
const random = new RandomState(1);
/** Megabytes that do not compress, with what JSON and UTF-8 make of text. */
const large = {
  'a "key"': Array.from({ length: 3 }, () => Array.from(random.randomSample(40_000))),
  tiny: [1e-7, 1e300, -0.1, null, true],
  text: 'ä😀"\\\n'.repeat(60_000),
  nested: Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, { i }])),
};
/** A `json` column keeps this spacing. */
const spaced = ` { "b" : 1, "a" : ${JSON.stringify(large)} } `;

beforeAll(async () => {
  home = await madeHome('ventral-rows-');
  store = await openHomeStore(home);
  const { database } = store;
  await database.query(
    `insert into jobs (id, kind, state, owner, model, digest, model_name, card, benchmarks, sources, keys)
     select 'job_' || i, 'score', 'succeeded', 'local', 'pixels', 'sha256:x', 'pixels', '{}', '[]', '[]', '[]'
     from generate_series(1, 3) i`,
  );
  for (const [job, score] of [
    ['job_1', { small: 1 }],
    ['job_2', large],
    ['job_3', { small: 3 }],
  ])
    await database.query(
      `insert into results (job, benchmark, key, score) values ($1, 'x', 'k', $2::jsonb)`,
      [job, JSON.stringify(score)],
    );
  await database.query(
    `insert into events (job, id, type, data) values ('job_2', 1, 'result', $1::json)`,
    [spaced],
  );
});
afterAll(async () => {
  await store.close();
  await rm(home, { recursive: true, force: true });
});

const read = (name: string, order: string) =>
  snapshot(store.database, async (queries) => {
    const all: string[] = [];
    for await (const rows of rowsOf(queries, { name, order })) all.push(...rows);
    return all;
  });

test('rows of megabytes are read as they are, among small ones and in their order', async () => {
  const rows = (await read('results', 'job, benchmark')).map((row) => JSON.parse(row));
  expect(rows.map(({ job }) => job)).toEqual(['job_1', 'job_2', 'job_3']);
  expect(rows[1].score).toEqual(large);
  // Generated columns are made anew from the score.
  const others = 'job, benchmark, key, created_at';
  const [{ row }] = await store.database.query<{ row: object }>(
    `select row_to_json(few) as row from (select ${others} from results where job = 'job_2') as few`,
  );
  expect(rows[1]).toEqual({ ...row, score: large });
});

test('a json column keeps its text', async () => {
  const [row] = await read('events', 'job, id');
  expect(row.includes(spaced)).toBe(true);
  expect(JSON.parse(row).job).toBe('job_2');
});
