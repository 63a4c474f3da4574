import { rm } from 'node:fs/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RandomState } from '../../../src/numerics/random/random-state.js';
import { encodeDraws } from '../../../src/scoring/draws/encode-draws.js';
import { listBenchmarks } from '../../../src/scoring/registry/registry.js';
import { LeaderboardService } from '../../../src/service/registry/leaderboard-service.js';
import type { Queries } from '../../../src/store/database/database.js';
import { openHomeStore } from '../../../src/store/home-store.js';
import { localPrincipal } from '../../../src/store/records/principal.js';
import { madePlace } from '../../store/engines.js';
import { madeModel, madeScores } from '../../store/made-scores.js';
import { type RunningService, runningService, suiteEngine } from '../running-service.js';

const V1 = 'FreemanZiemba2013.V1-pls';
const IT = 'MajajHong2015.IT-pls';
const versions = new Map(listBenchmarks().map(({ id, version }) => [id, version]));
const shared = new RandomState(1).standardNormal(1000);

interface Made {
  readonly value: number;
  readonly owner?: string;
  readonly visibility?: 'public' | 'private';
  readonly draws?: boolean;
  readonly on?: string;
}

let seed = 10;
/** A model with one score, whose draws hold what all models share. */
async function made(
  database: Queries,
  id: string,
  { value, owner = 'local', visibility = 'public', draws = true, on = V1 }: Made,
): Promise<void> {
  await madeModel(database, `mdl_${id}`, { owner, visibility, name: id });
  const job = `job_${id}`;
  const score = {
    ...{
      value,
      version: versions.get(on) ?? 1,
      ci: [value - 0.1, value + 0.1] as [number, number],
    },
    ...(draws ? { provenance: { draws: `sha256:${on}` } } : {}),
  };
  await madeScores(database, { id: job, model: `mdl_${id}`, owner, scores: { [on]: score } });
  if (!draws) return;
  const own = new RandomState(seed++).standardNormal(1000);
  const both = Float32Array.from(own, (each, r) => value + 0.05 * shared[r] + 0.003 * each);
  const bytes = encodeDraws({
    units: [{ of: 'images', count: 300, strata: 1, digest: `sha256:${'1'.repeat(64)}` }],
    both,
  });
  await database.query('insert into score_draws (job, benchmark, bytes) values ($1, $2, $3)', [
    ...[job, on, bytes],
  ]);
}

let service: RunningService;
/** What one who may not see the private model is told. */
let strangers: Awaited<ReturnType<LeaderboardService['read']>>;

beforeAll(async () => {
  const place = await madePlace(suiteEngine, 'ventral-groups-');
  const store = await openHomeStore(place.home, place);
  await made(store.database, 'best', { value: 0.6 });
  await made(store.database, 'next', { value: 0.595 });
  await made(store.database, 'third', { value: 0.55 });
  await made(store.database, 'hidden', { value: 0.52, owner: 'alice', visibility: 'private' });
  await made(store.database, 'undrawn', { value: 0.5, draws: false });
  for (let k = 0; k < 40; k++) await made(store.database, `m${k}`, { value: k / 50, on: IT });
  const closing = new AbortController();
  const bob = { key: 'key_bob', owner: 'bob', groups: [], role: 'reader' } as const;
  const query = { benchmark: [V1], sort: `-${V1}` };
  const boards = new LeaderboardService({
    store,
    closing: closing.signal,
    log: pino({ level: 'silent' }),
  });
  await boards.read(localPrincipal, query);
  strangers = await boards.read(bob, query);
  closing.abort();
  await store.close();
  service = await runningService(place);
});
afterAll(async () => {
  await service.stop();
  await rm(service.home, { recursive: true, force: true });
});

const board = (query: string, headers = {}) =>
  service.call('GET', `/v1/leaderboard?${query}`, { headers });
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
const groupsOf = ({ body }: { body: any }) =>
  Object.fromEntries(
    // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
    body.items.map(({ name, group, tied }: any) => [name, { group, tied }]),
  );
const onlyV1 = `benchmark=${V1}&sort=-${V1}`;

describe('the groups of a board', () => {
  it('come from the draws kept with scores: what independent errors hide is told apart', async () => {
    const answer = await board(onlyV1);
    expect(answer.body.groups).toMatchObject({
      ...{ column: V1, state: 'current', level: 0.95, compared: 5 },
      pairs: { paired: 6, unpaired: 4 },
      instrument: { models: 5, reliability: null },
    });
    expect(answer.body.groups.instrument.detectable).toBeGreaterThan(0);
    const groups = groupsOf(answer);
    expect(groups.best.group).toEqual({ rank: 1, ranks: [1, 3], letters: 'a', paired: true });
    expect(groups.best.tied).toEqual({
      withBest: true,
      total: 2,
      models: ['mdl_next', 'mdl_undrawn'],
    });
    expect(groups.third.group).toMatchObject({ rank: 3, ranks: [3, 4] });
    expect(groups.undrawn.group).toMatchObject({ rank: 5, ranks: [1, 5], paired: false });
  });

  it('hold only models that the reader may see', () => {
    expect(strangers.groups).toMatchObject({ compared: 4, pairs: { paired: 3, unpaired: 3 } });
    expect(JSON.stringify(strangers)).not.toContain('hidden');
    const ranks = Object.fromEntries(
      strangers.items.map(({ name, group }) => [name, group?.ranks]),
    );
    expect(ranks).toEqual({ best: [1, 3], next: [1, 3], third: [3, 4], undrawn: [1, 4] });
  });

  it('of an average of one benchmark are those of the benchmark', async () => {
    const [one, average] = [await board(onlyV1), await board(`benchmark=${V1}&sort=-V1`)];
    expect(average.body.groups.column).toBe('V1');
    expect(groupsOf(average)).toEqual(groupsOf(one));
  });

  it('stay as they are where lines are filtered, paged or sorted by name', async () => {
    const whole = groupsOf(await board(onlyV1));
    for (const query of ['search=third', 'limit=2']) {
      const part = await board(`${onlyV1}&${query}`);
      expect(part.body.groups.compared).toBe(5);
      for (const [name, group] of Object.entries(groupsOf(part)))
        expect(group).toEqual(whole[name]);
    }
    expect((await board(`benchmark=${V1}&sort=name`)).body.groups.column).toBe('average');
  });

  it('have no formula', async () => {
    const { body } = await board(`benchmark=${V1}&column=2*V1&sort=-column.0`);
    expect(body.groups).toBeNull();
    expect(body.items[0]).toMatchObject({ group: null, tied: null });
  });

  it('of many models are found in a thread, while an answer without them is possible', async () => {
    const query = `benchmark=${IT}&sort=-${IT}&limit=200`;
    const settled = async (compared: number) => {
      for (let tries = 0; tries < 60; tries++) {
        const { body } = await board(query);
        if (body.groups.state === 'current' && body.groups.compared === compared) return body;
        expect(['pending', 'stale']).toContain(body.groups.state);
      }
      throw new Error('the groups never came');
    };
    const body = await settled(40);
    expect(body.items[0].group).toEqual({ rank: 1, ranks: [1, 1], letters: null, paired: true });
    expect(body.groups.instrument.reliability).toBeGreaterThan(0.9);
    expect(body.groups.instrument.ci).toHaveLength(2);
  });

  it('are in CSV and Markdown', async () => {
    const csv = await board(onlyV1, { Accept: 'text/csv' });
    const [head, first] = csv.text.split('\n');
    expect(head).toContain('tied,tied_with_best,group_rank,rank_low,rank_high,letters,paired');
    expect(first).toContain('2,true,1,1,3,a,true');
    const markdown = (await board(onlyV1, { Accept: 'text/markdown' })).text;
    expect(markdown).toContain('| 1 (1–3) a | best |');
    expect(markdown).toContain('| 5 (1–5) abc \\* | undrawn |');
    expect(markdown).toContain('95 %');
  });
});
