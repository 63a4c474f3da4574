import { openHomeStore } from '../../src/store/home-store.js';
import { madeHome } from '../store/made-home.js';

/** Ids of what is there, by the names of parameters. */
export type Known = Readonly<Record<string, string>>;

const MODELS = 1000;
const HEAVY = 200;
/** The names of as many classes as a card may hold. */
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
    await scores((text, values) => store.database.query(text, values), benchmarks);
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

type Query = (text: string, values: unknown[]) => Promise<unknown>;

async function scores(query: Query, benchmarks: readonly string[]) {
  const list = JSON.stringify(benchmarks);
  await query(
    `insert into jobs (id, kind, state, owner, registration, model, digest, model_name, card, benchmarks, sources, keys)
     select 'job_made' || i, 'score', 'succeeded', 'local', 'mdl_light' || i, 'mdl_light' || i,
       'sha256:' || md5(i::text) || md5(i::text), 'model ' || i, '{}', $1::jsonb, $1::jsonb, $1::jsonb
     from generate_series(1, $2::integer) i`,
    [list, MODELS],
  );
  await query(
    `insert into results (job, benchmark, key, score)
     select 'job_made' || i, benchmark, 'k' || i || benchmark, jsonb_build_object('benchmark', benchmark, 'version', 1,
       'error', 0.01, 'selection', false, 'layerChoice', jsonb_build_object('by', 'card'),
       'value', (i * 37 + position * 11) % 997 / 997.0, 'ci', jsonb_build_array(0.1, 0.9))
     from generate_series(1, $2::integer) i, jsonb_array_elements_text($1::jsonb) with ordinality as asked (benchmark, position)`,
    [list, MODELS],
  );
}

/** Trainings with the largest recipe, and scores with the values of a thousand neuroids. */
async function heavyJobs(query: Query) {
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
  const detail = Array.from({ length: 10 }, () => Array.from({ length: 1000 }, (_, i) => i / 7));
  await query(
    `insert into jobs (id, kind, state, owner, model, digest, model_name, card, benchmarks, sources, keys, detail)
     select 'job_detail' || i, 'score', 'succeeded', 'local', 'pixels', 'sha256:x', 'pixels', '{}', '["x"]', '["x"]', '["x"]', true
     from generate_series(1, 100) i`,
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
  for (let i = 1; i <= 100; i++)
    await query(`insert into results (job, benchmark, key, score) values ($1, 'x', 'x', $2)`, [
      `job_detail${i}`,
      JSON.stringify(score),
    ]);
}
