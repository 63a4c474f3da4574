import { RandomState } from '../../src/numerics/random/random-state.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import type { Queries } from '../../src/store/database/database.js';

/** Models with scores, written past the service, as its tables hold them. */

/** Benchmarks of a large board, of which these are uploads. */
const BENCHMARKS = 60;
const UPLOADS = 21;
/** Models that are written by one statement. */
const CHUNK = 20;

/** Some that ventral ships, with their private sets, and uploads beside them. */
function benchmarksOfBoard() {
  const shipped = listBenchmarks()
    .filter(({ id, simulated }) => !simulated && !/public[.-]/.test(id))
    .slice(0, BENCHMARKS - UPLOADS);
  return [
    ...shipped.map(({ id, version }) => ({ id, source: id, version })),
    ...Array.from({ length: UPLOADS }, (_, k) => ({
      ...{ id: `lab${k}.IT-pls`, source: `bmk_${k}`, version: 1 },
    })),
  ];
}

/** Writes models, each with a score on every benchmark. @returns the benchmarks, as a query names them */
export async function fillBoard(database: Queries, models: number): Promise<readonly string[]> {
  const benchmarks = benchmarksOfBoard();
  const random = new RandomState(0);
  for (let k = 0; k < UPLOADS; k++) await writeUpload(database, k);
  for (let start = 0; start < models; start += CHUNK) {
    const count = Math.min(CHUNK, models - start);
    await writeModels(database, { start, count }, benchmarks, random);
  }
  return benchmarks.map(({ source }) => source);
}

async function writeUpload(database: Queries, k: number): Promise<void> {
  const benchmarks = [{ id: `lab${k}.IT-pls`, region: 'IT' }];
  const summary = {
    ...{ identifier: benchmarks[0].id, version: 1, simulated: false, metric: 'pls' },
    ...{ visualDegrees: 8, reference: null, benchmarks },
  };
  await database.query(
    `insert into benchmarks (id, owner, digest, file, visibility, size, summary)
     values ($1, 'local', $2, 'benchmark.yaml', 'public', 1, $3)`,
    [`bmk_${k}`, `sha256:${String(k).padStart(64, '0')}`, JSON.stringify(summary)],
  );
}

async function writeModels(
  database: Queries,
  { start, count }: { readonly start: number; readonly count: number },
  benchmarks: ReturnType<typeof benchmarksOfBoard>,
  random: RandomState,
): Promise<void> {
  const numbers = Array.from({ length: count }, (_, k) => String(start + k).padStart(4, '0'));
  await database.query(
    `insert into models (id, owner, digest, name, visibility, size, graph)
     select 'mdl_' || n, 'local', 'sha256:' || lpad(n, 64, '0'), 'network-' || n, 'public', 1, '{}' from unnest($1::text[]) as n`,
    [numbers],
  );
  await database.query(
    `insert into jobs (id, kind, state, owner, registration, model, digest, model_name, card, benchmarks, sources, keys)
     select 'job_' || n, 'score', 'succeeded', 'local', 'mdl_' || n, 'mdl_' || n, 'sha256:' || lpad(n, 64, '0'), 'network-' || n,
       '{}', $2::jsonb, $3::jsonb, $2::jsonb from unnest($1::text[]) as n`,
    [
      numbers,
      JSON.stringify(benchmarks.map(({ id }) => id)),
      JSON.stringify(benchmarks.map(({ source }) => source)),
    ],
  );
  const results = numbers.flatMap((n) =>
    benchmarks.map(({ id, version }) => {
      const [value, error] = [random.double(), 0.02 * random.double()];
      const ci = [value - 2 * error, value + 2 * error];
      const score = { value, error, ci, version, selection: false, layerChoice: { by: 'card' } };
      return { job: `job_${n}`, benchmark: id, score };
    }),
  );
  await database.query(
    `insert into results (job, benchmark, key, score)
     select job, benchmark, job || ' ' || benchmark, score
     from jsonb_to_recordset($1::jsonb) as made (job text, benchmark text, score jsonb)`,
    [JSON.stringify(results)],
  );
}
