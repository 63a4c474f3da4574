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
    await changes((text, values) => store.database.query(text, values));
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

/** A year in which scores on 44 benchmarks came one by one, and every model was renamed. */
async function changes(query: Query) {
  await query(
    `insert into board_history (at, kind, subject, owner, state)
     select now() - interval '365 days' * (1 - row_number() over (order by key, subject) / 44000.0), 'scores', subject, owner,
       jsonb_build_object('digest', digest, 'cells', jsonb_build_object(key, cell))
     from scoreboards cross join jsonb_each(cells) as cells (key, cell)
     where key in (select key from scoreboards, jsonb_object_keys(cells) as key group by key order by key limit 44)
     order by key, subject`,
    [],
  );
  await query(`update models set name = name || ', renamed'`, []);
}

/** Trainings with the largest recipe, and jobs with large results. */
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
  await longTraining(query);
  await detailedScores(query);
  await largeMap(query);
}

/** The record of a training of days: tens of thousands of steps and hundreds of epochs. */
async function longTraining(query: Query) {
  await query(
    `insert into events (job, id, type, data)
     select 'job_training1', i, 'metric', json_build_object('kind', 'step', 'stage', 's' || i / 10000, 'epoch', i / 100,
       'step', i % 10000, 'loss', 1.0 / (1 + i), 'rate', 0.1)
     from generate_series(1, 30000) i`,
    [],
  );
  await query(
    `insert into events (job, id, type, data)
     select 'job_training1', 30000 + i, 'metric', json_build_object('kind', 'epoch', 'stage', 's' || i / 100, 'epoch', i, 'loss', 0.5,
       'accuracy', 0.5, 'validation', json_build_object('loss', 0.5, 'accuracy', 0.4), 'checkpoint', 's-' || i)
     from generate_series(1, 300) i`,
    [],
  );
}

/** Scores with the values of thousands of neuroids in each split; the first of them as large as any benchmark gives. */
async function detailedScores(query: Query) {
  await query(
    `insert into jobs (id, kind, state, owner, model, digest, model_name, card, benchmarks, sources, keys, detail)
     select 'job_detail' || i, 'score', 'succeeded', 'local', 'pixels', 'sha256:x', 'pixels', '{}', '["x"]', '["x"]', '["x"]', true
     from generate_series(1, 20) i`,
    [],
  );
  for (let i = 1; i <= 20; i++) {
    const neuroids = i === 1 ? 17_000 : 2000;
    const detail = Array.from({ length: 10 }, (_, split) =>
      Array.from(
        { length: neuroids },
        (_, k) => ((k * (split + 1) * 0.7366123 + split / 7) % 1) / i,
      ),
    );
    const score = {
      benchmark: 'x',
      value: 0.5,
      error: 0.1,
      raw: { value: 0.5, error: 0.1, splits: [0.5], neuroids: detail, neuroid_ids: ['a'] },
      ceiling: null,
      splits: [],
    };
    await query(`insert into results (job, benchmark, key, score) values ($1, 'x', 'x', $2)`, [
      `job_detail${i}`,
      JSON.stringify(score),
    ]);
    await query(
      `insert into events (job, id, type, data) select $1, 1, 'result', score::text::json from results where job = $1
       union all select $1, 2, 'end', '{"state":"succeeded","failures":[]}'`,
      [`job_detail${i}`],
    );
  }
}

const BENCHMARKS = 22;
const LAYERS = 500;

/** A map of every block of a deep network against every benchmark. */
async function largeMap(query: Query) {
  const benchmarks = Array.from({ length: BENCHMARKS }, (_, i) => `benchmark-${i}`);
  const cell = (k: number, i: number) => ({
    benchmark: `benchmark-${i}`,
    value: (k * i) / 1e4,
    error: 0.01,
    ci: [0.1, 0.2],
    raw: { value: k / 7, error: 0.1, splits: [0.5, 0.6] },
    ceiling: { value: 0.9, error: 0.1, splits: [0.9] },
    splits: Array.from({ length: 10 }, (_, at) => (at * k) / 997),
    name: 'pixels',
  });
  const map = {
    model: 'sha256:x',
    name: 'pixels',
    benchmarks,
    layers: Array.from({ length: LAYERS }, (_, k) => ({
      layer: `blocks.${k}.attn.qkv`,
      units: 768,
      depth: k,
      cells: Object.fromEntries(benchmarks.map((id, i) => [id, cell(k, i)])),
    })),
    chosen: {},
    plan: { layers: [], sets: [], memory: 1, scratch: 1 },
    provenance: {},
  };
  await query(
    `insert into jobs (id, kind, state, owner, model, digest, model_name, card, benchmarks, sources, keys, holdout)
     values ('job_map1', 'layer-map', 'succeeded', 'local', 'pixels', 'sha256:x', 'pixels', '{}', '["x"]', '["x"]', '["k"]', false)`,
    [],
  );
  await query(`insert into layer_maps (job, key, map) values ('job_map1', 'k', $1)`, [
    JSON.stringify(map),
  ]);
  await query(`update jobs set map_of = 'job_map1' where id = 'job_map1'`, []);
}
