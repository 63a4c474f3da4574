import { pino } from 'pino';
import { afterEach, describe, expect, it } from 'vitest';
import { makeLeaderboard } from '../../../src/leaderboard/leaderboard.js';
import { factsOf } from '../../../src/scoring/model/model-facts.js';
import { GroupService } from '../../../src/service/registry/group-service.js';
import type { BoardBenchmark } from '../../../src/service/registry/leaderboard-benchmarks.js';
import type { HomeStore } from '../../../src/store/home-store.js';
import type { StoredModel } from '../../../src/store/records/result-store.js';

const leaf = { id: 'b.V1', region: 'V1', metric: 'pls', simulated: false };
const benchmarks = new Map([
  [leaf.id, { ...leaf, benchmark: leaf.id, version: 1 } as BoardBenchmark],
]);

/** A board of models with one score each, by its only benchmark. */
function column(values: readonly number[]) {
  const models = values.map((value, k): StoredModel => {
    const ci: [number, number] = [value - 0.01, value + 0.01];
    const score = {
      value,
      ci,
      error: 0.01,
      selection: false,
      brought: false,
      job: `j${k} ${value}`,
    };
    const scores = new Map([[leaf.id, score]]);
    const facts = factsOf(null);
    return {
      id: `m${k}`,
      name: `m${k}`,
      digest: '',
      owner: 'a',
      visibility: 'public',
      facts,
      scores,
    };
  });
  const board = makeLeaderboard([leaf], models, { missing: 'zero', selection: 'exclude' });
  return { board, benchmarks, node: leaf.id };
}

/** A store whose draws come when they are let go. */
function slowStore() {
  const gate = { open: () => {}, reads: 0 };
  let opened = Promise.resolve();
  const shut = () => {
    opened = new Promise((resolve) => {
      gate.open = resolve;
    });
  };
  const read = async () => {
    gate.reads++;
    await opened;
    return [];
  };
  return { gate, shut, store: { draws: { read } } as unknown as HomeStore };
}

const closing = new AbortController();
const said: string[] = [];
const log = pino({ level: 'warn' }, { write: (line: string) => said.push(line) });
afterEach(() => closing.abort());

describe('groups of a board', () => {
  it('that are being computed are pending, then stale ones stand in for them, to the same reader alone', async () => {
    const { gate, shut, store } = slowStore();
    const service = new GroupService({ store, closing: closing.signal, log });
    const [before, after] = [column([0.1, 0.5, 0.9]), column([0.1, 0.5, 0.95])];
    shut();
    expect(await service.read('mine', before)).toEqual({ state: 'pending', groups: undefined });
    gate.open();
    const first = await service.read('mine', before);
    expect(first.state).toBe('current');
    expect(first.groups?.models.get('m2')?.ranks).toEqual([1, 1]);
    expect(await service.read('mine', before)).toEqual(first);
    expect(gate.reads).toBe(3);
    shut();
    expect(await service.read('mine', after)).toEqual({ ...first, state: 'stale' });
    expect((await service.read('another’s', after)).state).toBe('pending');
    gate.open();
    expect((await service.read('mine', after)).state).toBe('current');
    // Scores that stayed were not read again.
    expect(gate.reads).toBe(4);
  });

  it('that cannot be found are said to the operator, and tried again', async () => {
    const { gate, store } = slowStore();
    gate.open();
    let broken = true;
    const { read } = store.draws;
    store.draws.read = (...asked) => {
      if (broken) return Promise.reject(new Error('the disk is gone'));
      return read(...asked);
    };
    const service = new GroupService({ store, closing: new AbortController().signal, log });
    const board = column([0.1, 0.5, 0.9]);
    expect((await service.read('mine', board)).state).toBe('pending');
    expect(said.join('')).toContain('the disk is gone');
    broken = false;
    expect((await service.read('mine', board)).state).toBe('current');
  });

  it('of many models are summed and compared in a thread, which keeps what it has', async () => {
    const { gate, store } = slowStore();
    const ending = new AbortController();
    const service = new GroupService({ store, closing: ending.signal, log });
    const values = Array.from({ length: 40 }, (_, k) => k / 40);
    const settled = async (of: ReturnType<typeof column>) => {
      await expect.poll(async () => (await service.read('mine', of)).state).toBe('current');
      return (await service.read('mine', of)).groups;
    };
    expect((await settled(column(values)))?.compared).toBe(40);
    expect(gate.reads).toBe(40);
    const groups = await settled(column(values.with(3, 2)));
    expect(groups?.models.get('m3')?.ranks).toEqual([1, 1]);
    expect(gate.reads).toBe(41);
    ending.abort();
  });
});
