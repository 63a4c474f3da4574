import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { components } from '../../../src/api/schema.js';
import { shippedCatalog } from '../../../src/service/registry/board-source.js';
import { LeaderboardService } from '../../../src/service/registry/leaderboard-service.js';
import { RankHistoryService } from '../../../src/service/registry/rank-history-service.js';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import { watchDamage } from '../../../src/store/jobs/suspect-results.js';
import { localPrincipal, type Principal } from '../../../src/store/records/principal.js';
import { Dice } from '../../fuzz/dice.js';
import { madePlace, removePlace, type StorePlace } from '../../store/engines.js';
import {
  digestFor,
  type MadeJob,
  type MadeScore,
  madeJob,
  madeModel,
  madeResults,
  madeScores,
  madeUpload,
} from '../../store/made-scores.js';
import { suiteEngine } from '../running-service.js';

type Board = components['schemas']['Leaderboard'];

/** Versions that are shipped at a moment; 0: not yet, or not any more. */
const shipped = vi.hoisted(() => ({ versions: new Map<string, number>() }));
vi.mock('../../../src/scoring/registry/registry.js', async (original) => {
  const real = await original<typeof import('../../../src/scoring/registry/registry.js')>();
  return {
    ...real,
    listBenchmarks: () =>
      real.listBenchmarks().flatMap((benchmark) => {
        const version = shipped.versions.get(benchmark.id) ?? benchmark.version;
        return version === 0 ? [] : [{ ...benchmark, version }];
      }),
  };
});

const EVENTS = 200;
const YEAR = Date.UTC(2025, 0, 1);
const DAY = 86_400_000;
const on = [
  ...['FreemanZiemba2013.V1-pls', 'FreemanZiemba2013.V2-pls', 'MajajHong2015.V4-pls'],
  ...['MajajHong2015.IT-pls', 'Rajalingham2018-i2n', 'Geirhos2021colour-top1'],
];
const alice: Principal = { key: 'key_a', owner: 'alice', groups: ['lab'], role: 'member' };
const bob: Principal = { key: 'key_b', owner: 'bob', groups: ['lab'], role: 'reader' };
const readers = { admin: localPrincipal, alice, bob } as const;
type Reader = keyof typeof readers;

/** The board of every reader after an event, as it was answered then. */
interface Recorded {
  /** The last day on which it was so. */
  readonly date: string;
  readonly what: string;
  readonly admin: string;
  /** Of some of the days. */
  readonly others: Readonly<Partial<Record<Reader, string>>>;
}

let place: StorePlace;
let store: HomeStore;
let boards: LeaderboardService;
let ranks: RankHistoryService;
const year: Recorded[] = [];

beforeAll(async () => {
  place = await madePlace(suiteEngine, 'ventral-year-');
  store = await openHomeStore(place.home, place);
  const context = {
    ...{ store, closing: new AbortController().signal, log: pino({ level: 'silent' }) },
  };
  boards = new LeaderboardService(context);
  ranks = new RankHistoryService(context);
  await live();
});
afterAll(async () => {
  await store.close();
  await removePlace(place);
});

const query = { limit: 200 };
const read = async (reader: Reader, at?: string) =>
  JSON.stringify(await boards.read(readers[reader], at === undefined ? query : { ...query, at }));
const dateOf = (event: number) =>
  new Date(YEAR + Math.floor((365 * event) / EVENTS) * DAY).toISOString().slice(0, 10);

/** Lets a year happen, of which each event is written at a day of its own. */
async function live(): Promise<void> {
  const life = new Life();
  for (const [k, id] of on.entries()) shipped.versions.set(id, k < 3 ? 1 : 0);
  await store.history.recordCatalog(await shippedCatalog());
  let last = 0;
  for (let event = 0; event < EVENTS; event++) {
    const what = await life.next(event);
    const admin = await read('admin');
    const others = event % 8 === 7 ? { alice: await read('alice'), bob: await read('bob') } : {};
    const [{ seq }] = await store.database.query<{ seq: number }>(
      'select coalesce(max(seq), 0) as seq from board_history',
    );
    await store.database.query('update board_history set at = $1::timestamptz where seq > $2', [
      ...[`${dateOf(event)}T12:00:00Z`, last],
    ]);
    last = seq;
    year.push({ date: dateOf(event), what, admin, others });
  }
}

class Life {
  readonly #dice = new Dice(21);
  readonly #models: { id: string; owner: string }[] = [];
  readonly #uploads: string[] = [];
  readonly #brought: string[] = [];
  #late: MadeJob | undefined;
  #count = 0;

  /** Does something. @returns what */
  async next(event: number): Promise<string> {
    const dice = this.#dice;
    if (event < 4) return this.#register();
    const acts: readonly (readonly [weight: number, act: () => Promise<string>])[] = [
      [4, () => this.#register()],
      [14, () => this.#score()],
      [3, () => this.#shippedModel()],
      [4, () => this.#change()],
      [2, () => this.#remove()],
      [3, () => this.#benchmarks()],
      [2, () => this.#upload()],
      [1, () => this.#removeUpload()],
      [2, () => this.#bring()],
      [1, () => this.#withdraw()],
      [1, () => this.#damage()],
      [2, () => this.#overtake()],
    ];
    let left = dice.below(acts.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, act] of acts) {
      if (left < weight) return act();
      left -= weight;
    }
    return 'nothing';
  }

  async #register(): Promise<string> {
    const owner = this.#dice.pick(['alice', 'bob']);
    const id = `mdl_${this.#count++}`;
    const visibility = this.#dice.pick(['public', 'public', 'group', 'private'] as const);
    const group = visibility === 'group' ? { group: 'lab' } : {};
    await madeModel(store.database, id, { owner, visibility, ...group });
    this.#models.push({ id, owner });
    await this.#score(id);
    return `register ${id}`;
  }

  #job(model: string, owner: string, more: Partial<MadeJob> = {}): MadeJob {
    const dice = this.#dice;
    const made = (): MadeScore => ({
      value: dice.chance(0.05) ? null : dice.below(1200) / 1000 - 0.1,
      version: 1,
      ...(dice.chance(0.1) ? { selection: true } : {}),
      ...(dice.chance(0.1) ? { layerChoice: { by: 'flag' } } : {}),
    });
    const some = on.filter(() => dice.chance(0.5));
    const scores = Object.fromEntries(
      (some.length > 0 ? some : on).map((id) => [
        id,
        { ...made(), version: shipped.versions.get(id) || 1 },
      ]),
    );
    return { id: `job_${this.#count++}`, model, owner, scores, ...more };
  }

  async #score(model?: string): Promise<string> {
    const { id, owner } =
      this.#models.find((each) => each.id === model) ?? this.#dice.pick(this.#models);
    await madeScores(store.database, this.#job(id, owner));
    if (this.#dice.chance(0.3) && this.#uploads.length > 0) {
      const upload = this.#dice.pick(this.#uploads);
      const scores = { [`${upload}.V1`]: this.#dice.below(100) / 100 };
      await madeScores(store.database, this.#job(id, owner, { scores, sources: [upload] }));
    }
    return `score ${id}`;
  }

  async #shippedModel(): Promise<string> {
    const [model, owner] = [
      this.#dice.pick(['pixels', 'gabor-v1']),
      this.#dice.pick(['ventral', 'alice', 'local']),
    ];
    await madeScores(store.database, this.#job(model, owner));
    return `score ${model} for ${owner}`;
  }

  async #change(): Promise<string> {
    const { id } = this.#dice.pick(this.#models);
    const change = this.#dice.pick([
      { name: `renamed ${this.#count++}` },
      { visibility: 'private' as const },
      { visibility: 'public' as const },
      { visibility: 'group' as const, group: 'lab' },
    ]);
    await store.models.change(localPrincipal, id, change);
    return `change ${id} ${JSON.stringify(change)}`;
  }

  async #remove(): Promise<string> {
    if (this.#models.length < 8) return this.#register();
    const [{ id }] = this.#models.splice(this.#dice.below(this.#models.length), 1);
    await store.models.remove(localPrincipal, id);
    return `remove ${id}`;
  }

  /** Another version of ventral is started. */
  async #benchmarks(): Promise<string> {
    const id = this.#dice.pick(on);
    const before = shipped.versions.get(id) ?? 1;
    const version = before > 0 && this.#dice.chance(0.3) ? 0 : before + 1;
    shipped.versions.set(id, version);
    await store.history.recordCatalog(await shippedCatalog());
    return `${id} ${before} -> ${version}`;
  }

  async #upload(): Promise<string> {
    const id = `bmk_${this.#count++}`;
    const visibility = this.#dice.pick(['public', 'private'] as const);
    await madeUpload(store.database, id, [{ id: `${id}.V1`, region: 'V1' }], {
      ...{ owner: 'alice', visibility },
    });
    this.#uploads.push(id);
    const { id: model, owner } = this.#dice.pick(this.#models);
    const scores = { [`${id}.V1`]: 0.5 };
    await madeScores(store.database, this.#job(model, owner, { scores, sources: [id] }));
    return `upload ${id}`;
  }

  async #removeUpload(): Promise<string> {
    const id = this.#uploads.shift();
    if (!id) return this.#upload();
    await store.benchmarks.remove(localPrincipal, id);
    return `remove ${id}`;
  }

  async #bring(): Promise<string> {
    const { id, owner } = this.#dice.pick(this.#models);
    const job = this.#job(id, owner);
    await madeJob(store.database, job);
    await store.database.query('update jobs set brought = $2 where id = $1', [
      ...[job.id, JSON.stringify({ digest: job.id })],
    ]);
    await madeResults(store.database, job);
    this.#brought.push(job.id);
    return `bring ${job.id}`;
  }

  async #withdraw(): Promise<string> {
    const job = this.#brought.shift();
    if (!job) return this.#bring();
    expect(await store.brought.withdraw(localPrincipal, job)).toBe(true);
    return `withdraw ${job}`;
  }

  async #damage(): Promise<string> {
    const { id } = this.#dice.pick(this.#models);
    const damage = { kind: 'model', digest: digestFor(id), since: null } as const;
    await watchDamage(store.database).damaged(damage);
    return `damage ${id}`;
  }

  /** A job ends after one that was asked for later. */
  async #overtake(): Promise<string> {
    if (this.#late) {
      const late = this.#late;
      this.#late = undefined;
      await madeResults(store.database, late);
      return `late ${late.id}`;
    }
    const { id, owner } = this.#dice.pick(this.#models);
    this.#late = this.#job(id, owner);
    await madeJob(store.database, this.#late);
    return this.#score(id);
  }
}

/** The last one of a day. */
const lastOfDays = () => [...new Map(year.map((recorded) => [recorded.date, recorded])).values()];
const parsed = (text: string) => JSON.parse(text) as Board;

describe('a recorded year', () => {
  it('was one in which something happened', () => {
    expect(parsed(year[year.length - 1].admin).items.length).toBeGreaterThan(10);
    expect(
      year.filter(({ admin }) => admin.includes('"origin":"uploaded"')).length,
    ).toBeGreaterThan(9);
    expect(lastOfDays().length).toBeGreaterThan(150);
    for (const act of [
      /^remove mdl/,
      /^remove bmk/,
      /->/,
      /^withdraw/,
      /^damage/,
      /^late/,
      /private/,
    ])
      expect(year.filter(({ what }) => act.test(what)).length).toBeGreaterThan(1);
  });

  it('replays to the same boards, byte by byte, at every date', async () => {
    const days = lastOfDays();
    for (const [k, { date, what, admin }] of days.entries()) {
      expect(await read('admin', date), `${date}: ${what}`).toBe(admin);
      // The day before the next change is the same.
      const next = days[k + 1]?.date ?? '2026-01-01';
      const eve = new Date(Date.parse(next) - 1).toISOString();
      if (k % 10 === 0) expect(await read('admin', eve)).toBe(admin);
    }
    expect(parsed(await read('admin', '2024-12-31')).items).toEqual([]);
  });

  it('shows others of each date what they could see then and may see now', async () => {
    const last = year[year.length - 1];
    const now = new Map<Reader, Set<string>>();
    for (const name of ['alice', 'bob'] as const) {
      const rows = await store.database.query<{ id: string }>(
        `select id from models where owner = $1 or visibility = 'public' or (visibility = 'group' and group_name = 'lab')`,
        [readers[name].owner],
      );
      now.set(name, new Set(rows.map(({ id }) => id)));
    }
    let [same, less] = [0, 0];
    for (const { date, others } of lastOfDays()) {
      for (const name of ['alice', 'bob'] as const) {
        const live = others[name];
        if (live === undefined) continue;
        const [then, past] = [parsed(live), await read(name, date)];
        // What was removed is its owner's to see.
        const mine = (id: string, owner: string) =>
          !id.startsWith('mdl_') || owner === readers[name].owner || now.get(name)?.has(id);
        const left = then.items.filter(({ model, owner }) => mine(model, owner));
        const shown = parsed(past).items.map(({ model }) => model);
        expect(shown.toSorted(), `${name}, ${date}`).toEqual(
          left.map(({ model }) => model).toSorted(),
        );
        const uploads = (board: Board) => board.columns.filter(({ id }) => id.startsWith('bmk_'));
        if (
          left.length === then.items.length &&
          uploads(then).length === uploads(parsed(past)).length
        ) {
          expect(past).toBe(live);
          same++;
        } else less++;
      }
    }
    expect(Math.min(same, less)).toBeGreaterThan(2);
    expect(await read('bob', last.date)).toBe(last.others.bob);
  });

  it.each([undefined, 'V4', 'MajajHong2015.V4-pls'])(
    'gives reasons that add up to every change of rank under %s',
    async (column) => {
      const days = lastOfDays();
      const boards = days.map(({ admin }) => parsed(admin));
      const everybody = new Set(boards.flatMap(({ items }) => items.map(({ model }) => model)));
      const kinds = new Set<string>();
      let changes = 0;
      for (const [k, model] of [...everybody].entries()) {
        if (column !== undefined && k % 4 > 0) continue;
        const { points } = await ranks.read(localPrincipal, {
          model,
          ...(column ? { column } : {}),
        });
        let before: number | null = null;
        for (const { rank, start, entered, left, reasons } of points) {
          if (rank === null) {
            expect([start, reasons]).toEqual([null, []]);
            expect(left).not.toBe(null);
          } else {
            if (entered === null) expect(start).toBe(before);
            expect((start ?? 0) + reasons.reduce((sum, { change }) => sum + change, 0)).toBe(rank);
          }
          for (const { kind } of reasons) kinds.add(kind);
          changes += reasons.length;
          before = rank;
        }
        if (column !== undefined) continue;
        // Every day it stands where the board had it.
        for (const [i, { date }] of days.entries()) {
          const board = boards[i];
          const row = board.items.find((item) => item.model === model);
          const point = points.findLast((each) => each.date <= date);
          expect(point?.rank ?? null, `${model}, ${date}`).toBe(row?.rank ?? null);
          if (!row || row.rank === null) continue;
          expect(point?.value).toBe(row.averages.average.value);
          expect(point?.of).toBe(board.items.filter(({ rank }) => rank !== null).length);
        }
      }
      expect(changes).toBeGreaterThan(column === undefined ? 50 : 10);
      if (column !== undefined) return;
      for (const kind of [
        'own-score',
        'other-score',
        'new-model',
        'model-removed',
        'new-benchmark',
      ])
        expect(kinds).toContain(kind);
    },
  );
});

it('knows no model that the reader may not see now', async () => {
  const hidden = await store.database.query<{ id: string }>(
    `select id from models where owner = 'alice' and visibility = 'private'`,
  );
  const removed = year.flatMap(({ what }) => /^remove (mdl_\d+)/.exec(what)?.[1] ?? []);
  const models = [...hidden.map(({ id }) => id), ...removed, 'mdl_never', 'resnet-21'];
  const stranger: Principal = { ...bob, owner: 'carol', groups: [] };
  for (const model of models)
    await expect(ranks.read(stranger, { model })).rejects.toThrow(`There is no model "${model}"`);
  await expect(ranks.read(bob, { model: 'pixels', column: 'V5' })).rejects.toThrow(
    'There is no column "V5"',
  );
});
