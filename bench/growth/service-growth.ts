import { join } from 'node:path';
import pino from 'pino';
import { LeaderboardService } from '../../src/service/registry/leaderboard-service.js';
import { RankHistoryService } from '../../src/service/registry/rank-history-service.js';
import { type HomeStore, openHomeStore } from '../../src/store/home-store.js';
import type { ScoreJobRequest } from '../../src/store/jobs/job.js';
import { openJobs } from '../../src/store/jobs/open-jobs.js';
import { localPrincipal } from '../../src/store/records/principal.js';
import { type Growth, type GrowthPoint, growthOf, least } from './line.js';
import { fillBoard } from './made-board.js';

/** How the service grows, in the embedded database: models on a board, jobs in a queue, changes a year. */

/** What is measured of a store that holds so much, in milliseconds, by what it is. */
type Measure = (store: HomeStore, size: number) => Promise<Readonly<Record<string, number>>>;

async function grown(
  folder: string,
  { axis, sizes }: { readonly axis: string; readonly sizes: readonly number[] },
  measure: Measure,
): Promise<Growth[]> {
  const lines = new Map<string, GrowthPoint[]>();
  for (const size of sizes) {
    const store = await openHomeStore(join(folder, `${axis.replaceAll(' ', '-')}-${size}`));
    const found = await measure(store, size).finally(() => store.close());
    for (const [what, value] of Object.entries(found))
      lines.set(what, [...(lines.get(what) ?? []), { size, value }]);
  }
  return [...lines].map(([what, points]) => growthOf(axis, what, 'ms', points));
}

const ROUNDS = 5;
const log = pino({ level: 'silent' });

/** The board as the first reader gets it, as later ones do, and after one model has a new score. */
const board: Measure = async (store, models) => {
  const benchmark = [...(await fillBoard(store.database, models))];
  const closing = new AbortController();
  const service = new LeaderboardService({ store, closing: closing.signal, log });
  const query = { benchmark, simulated: false, limit: 50 };
  let turn = 0;
  // Groups are computed in a thread meanwhile, whose answer is not waited for.
  const read = () =>
    service.read(localPrincipal, { ...query, sort: turn++ % 2 ? 'name' : '-name' });
  const first = await least(1, read);
  const again = await least(ROUNDS, read);
  const changed = await least(ROUNDS, async () => {
    await store.database.query(
      `update scoreboards set version = nextval('scoreboard_versions') where subject = 'mdl_0000'`,
    );
    await read();
  });
  closing.abort();
  return {
    'the first page, first read': first,
    'a page, read again': again,
    'a page after a new score': changed,
  };
};

const request: ScoreJobRequest = {
  ...{ kind: 'score', owner: 'newcomer', registration: null, model: 'pixels' },
  ...{ digest: `sha256:${'0'.repeat(64)}`, modelName: 'pixels', card: {} as never },
  ...{ benchmarks: ['made.V1-pls'], sources: ['made.V1-pls'] },
  keys: ['none'],
};

/** A hundred owners, at most, whose jobs wait. */
const queue: Measure = async (store, jobs) => {
  await store.database.query(
    `insert into jobs (id, kind, state, owner, model, digest, model_name, card, benchmarks, sources, keys, priority)
     select 'job_' || i, 'score', 'queued', 'owner' || i % 100, 'pixels', 'sha256:' || md5(i::text) || md5(i::text), 'pixels', '{}',
       '["made.V1-pls"]', '["made.V1-pls"]', jsonb_build_array('key' || i), -(i / 100)
     from generate_series(1, $1::integer) i`,
    [jobs],
  );
  await store.database.query(
    `insert into tickets (queue, job, priority) select 'jobs', id, priority from jobs order by seq`,
  );
  await store.database.query(
    'update jobs set entry = tickets.id from tickets where tickets.job = jobs.id',
  );
  const principal = { ...localPrincipal, owner: 'newcomer' };
  const created = await least(ROUNDS, () => store.jobs.create(principal, request));
  const taken = await least(ROUNDS, () => store.jobs.attempts.claim());
  const listed = await least(ROUNDS, () =>
    store.jobs.list(localPrincipal, 'score', {}, { limit: 20 }),
  );
  const shown = await least(ROUNDS, () =>
    openJobs(store.database, localPrincipal, { offset: 0, limit: 20 }),
  );
  return {
    'a job is added': created,
    'a job is taken': taken,
    'twenty jobs are listed': listed,
    'the page of the queue': shown,
  };
};

const MODELS = 100;

/** A year in which a hundred models got scores, change by change. */
const year: Measure = async (store, changes) => {
  const benchmark = [...(await fillBoard(store.database, MODELS))];
  // What is on the board was there before its changes.
  await store.database.query(`update board_history set at = now() - interval '365 days'`);
  await store.database.query(
    `insert into board_history (at, kind, subject, owner, state)
     select now() - interval '364 days' * (1 - i / $1::float8), 'scores', subject, owner,
       jsonb_build_object('digest', digest, 'cells', jsonb_build_object(key, cells -> key))
     from generate_series(1, $1::integer) i
     join (select *, row_number() over (order by subject) as place from scoreboards) as boards on place = 1 + i % $2::integer
     cross join lateral (
       select key from jsonb_object_keys(cells) as key order by key offset (i / $2::integer) % 40 limit 1) as chosen
     order by i`,
    [changes, MODELS],
  );
  const closing = new AbortController();
  const service = new LeaderboardService({ store, closing: closing.signal, log });
  const history = new RankHistoryService({ store, closing: closing.signal });
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  let ago = 1;
  const past = await least(2, () =>
    service.read(localPrincipal, { benchmark, simulated: false, limit: 50, at: day(ago++) }),
  );
  const ranks = await least(2, () => history.read(localPrincipal, { model: 'mdl_0000' }));
  closing.abort();
  return { 'the board of an earlier day': past, 'the ranks of a model over time': ranks };
};

/** All of it; `share` of the largest sizes is measured, so that a short run is possible. */
export async function serviceGrowth(folder: string, short: boolean): Promise<Growth[]> {
  const upTo = (sizes: readonly number[], most: number) =>
    short ? sizes.filter((size) => size <= most) : sizes;
  return [
    ...(await grown(
      folder,
      { axis: 'models a board', sizes: upTo([100, 300, 1000, 3000], 1000) },
      board,
    )),
    ...(await grown(
      folder,
      { axis: 'jobs a queue', sizes: upTo([10, 100, 1000, 10_000, 100_000], 10_000) },
      queue,
    )),
    ...(await grown(
      folder,
      { axis: 'changes a year', sizes: upTo([1000, 10_000, 100_000], 10_000) },
      year,
    )),
  ];
}
