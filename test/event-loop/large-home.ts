import { openHomeStore } from '../../src/store/home-store.js';
import { madeHome } from '../store/made-home.js';
import { madeJob, madeResults } from '../store/made-scores.js';

/** Ids of what is there, by the names of parameters. */
export type Known = Readonly<Record<string, string>>;

const MODELS = 1000;
const HEAVY = 200;
/** Names of 21,841 classes, as a card of ImageNet-21k has them. */
const classes = Array.from({ length: 20_000 }, (_, i) => `class ${i}`);
const card = {
  input: {
    resize: { to: 224, mode: 'square', filter: 'bilinear', library: 'pillow' },
    crop: 224,
    range: 1,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  },
  visual_degrees: 8,
  logits: { layer: 'logits', classes },
};

/**
 * A home as strangers would have filled it: a thousand models scored on everything, of which some have the largest card, and
 * jobs with much to tell.
 */
export async function largeHome(benchmarks: readonly string[]): Promise<string> {
  const home = await madeHome('ventral-loop-');
  const store = await openHomeStore(home);
  const text = JSON.stringify(card);
  try {
    await store.database.transaction(async (queries) => {
      await queries.query(
        `insert into models (id, owner, digest, name, visibility, size, graph)
         select 'mdl_light' || i, 'local', 'sha256:' || md5(i::text) || md5(i::text), 'model ' || i, 'public', 1, '{}'
         from generate_series(1, $1::integer) i`,
        [MODELS],
      );
      await queries.query(
        `insert into models (id, owner, digest, name, visibility, size, graph, card)
         select 'mdl_heavy' || i, 'local', 'sha256:' || md5('h' || i) || md5(i::text), 'heavy ' || i, 'private', 1, '{}', $2::jsonb
         from generate_series(1, $1::integer) i`,
        [HEAVY, text],
      );
    });
    for (let i = 1; i <= MODELS; i++) {
      await store.database.transaction(async (queries) => {
        const job = {
          id: `job_made${i}`,
          model: `mdl_light${i}`,
          scores: Object.fromEntries(
            benchmarks.map((benchmark, k) => [benchmark, ((i * 37 + k * 11) % 997) / 997]),
          ),
        };
        await madeJob(queries, job);
        await madeResults(queries, job);
      });
    }
    await store.database.query(
      `insert into audit (id, owner, action, target, detail)
       select 'aud_' || i, 'local', 'model.create', 'x', jsonb_build_object('name', repeat('n', 200)) from generate_series(1, 5000) i`,
    );
    await heavyJobs((text, values) => store.database.query(text, values));
  } finally {
    await store.close();
  }
  return home;
}

/** Jobs of every kind with the largest recipe, a log, and thousands of events. */
async function heavyJobs(query: (text: string, values: unknown[]) => Promise<unknown>) {
  const recipe = {
    name: 'x',
    stages: Array.from({ length: 64 }, (_, i) => ({
      train: { name: `s${i}`, only: Array.from({ length: 60 }, () => 'g'.repeat(60)) },
    })),
  };
  await query(
    `insert into jobs (id, kind, state, owner, model, digest, model_name, card, benchmarks, sources, keys, recipe)
     select 'job_training' || i, 'training', 'failed', 'local', 'pixels', 'sha256:x', 'pixels', '{}', '[]', '[]', '[]', $1::json
     from generate_series(1, 200) i`,
    [JSON.stringify(recipe)],
  );
  await query(
    `insert into events (job, id, type, data)
     select 'job_training1', i, 'metric', json_build_object('events', (select json_agg(json_build_object('kind', 'step', 'stage', 's', 'epoch', 1, 'step', i * 100 + k, 'loss', 0.5, 'rate', 0.1)) from generate_series(1, 100) k))
     from generate_series(1, 500) i`,
    [],
  );
  const map = { cells: Array.from({ length: 10_000 }, (_, i) => ({ layer: `layer ${i}`, value: i / 7 })) };
  await query(
    `insert into jobs (id, kind, state, owner, model, digest, model_name, card, benchmarks, sources, keys, holdout)
     values ('job_map1', 'layer-map', 'succeeded', 'local', 'pixels', 'sha256:x', 'pixels', '{}', '[]', '[]', '[]', false)`,
    [],
  );
  await query(`insert into layer_maps (job, key, map) values ('job_map1', 'k', $1::json)`, [
    JSON.stringify(map),
  ]);
  await query(`update jobs set map_of = 'job_map1' where id = 'job_map1'`, []);
  const detail = Array.from({ length: 10 }, () => Array.from({ length: 20_000 }, (_, i) => i / 7));
  await query(
    `insert into jobs (id, kind, state, owner, model, digest, model_name, card, benchmarks, sources, keys, detail)
     select 'job_detail' || i, 'score', 'succeeded', 'local', 'pixels', 'sha256:x', 'pixels', '{}', '["x"]', '["x"]', '["x"]', true
     from generate_series(1, 3) i`,
    [],
  );
  const score = {
    benchmark: 'x',
    value: 0.5,
    error: 0.1,
    raw: { value: 0.5, error: 0.1, splits: [0.5], neuroids: detail, neuroid_ids: ['a'] },
    ceiling: null,
    splits: [],
  };
  for (let i = 1; i <= 3; i++)
    await query(`insert into results (job, benchmark, key, score) values ($1, 'x', 'x', $2)`, [
      `job_detail${i}`,
      JSON.stringify(score),
    ]);
}
