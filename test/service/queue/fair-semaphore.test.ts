import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openRequests } from '../../../src/service/http/open-requests.js';
import { FailedWork } from '../../../src/service/queue/failed-work.js';
import { FairSemaphore } from '../../../src/service/queue/fair-semaphore.js';
import { KeyedMutex } from '../../../src/service/queue/keyed-mutex.js';

const limits = { what: 'checks', running: 2, runningEach: 1, waiting: 6, waitingEach: 3 };
const never = new AbortController().signal;
const soon = () => new Promise((resolve) => setImmediate(resolve));

/** Work that is ended by hand, and what has started, in order. */
function bench(semaphore: FairSemaphore) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    ask: (owner: string, name: string, signal = never) =>
      semaphore.run(owner, signal, () => {
        begun.push(name);
        return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
      }),
    async end(name: string) {
      ends.get(name)?.();
      await soon();
    },
  };
}

describe('a fair semaphore', () => {
  it('never gives an owner all places, and gives owners their turns', async () => {
    const { begun, ask, end } = bench(new FairSemaphore(limits));
    for (const name of ['a1', 'a2', 'a3']) void ask('ada', name);
    for (const name of ['b1', 'b2']) void ask('bea', name);
    void ask('cy', 'c1');
    await soon();
    expect(begun).toEqual(['a1', 'b1']);
    await end('a1');
    // Lines go in the order in which they formed.
    expect(begun.at(-1)).toBe('a2');
    await end('b1');
    expect(begun.at(-1)).toBe('b2');
    await end('a2');
    expect(begun.at(-1)).toBe('c1');
    await end('c1');
    expect(begun.at(-1)).toBe('a3');
  });

  it('refuses what is beyond its bounds, and says when to come again', async () => {
    const { ask } = bench(new FairSemaphore(limits));
    for (let i = 0; i < 4; i++) void ask('ada', `a${i}`);
    await expect(ask('ada', 'a4')).rejects.toMatchObject({
      code: 'quota-exceeded',
      details: { retryAfter: 5 },
    });
    for (let i = 0; i < 4; i++) void ask('bea', `b${i}`);
    await expect(ask('cy', 'c0')).rejects.toMatchObject({
      code: 'queue-full',
      status: 503,
      details: { retryAfter: 5 },
    });
  });

  it('forgets at once who leaves', async () => {
    const { begun, ask, end } = bench(new FairSemaphore(limits));
    void ask('ada', 'a0');
    const left = new AbortController();
    const waiting = ['a1', 'a2', 'a3'].map((name) => ask('ada', name, left.signal));
    left.abort();
    const gone = ask('ada', 'a4', left.signal);
    for (const each of [...waiting, gone])
      await expect(each).rejects.toMatchObject({ code: 'interrupted' });
    for (const name of ['a5', 'a6', 'a7']) void ask('ada', name);
    await end('a0');
    expect(begun).toEqual(['a0', 'a5']);
  });

  it('keeps its bounds whatever is asked, ended and left', async () => {
    const step = fc.record({
      owner: fc.constantFrom('ada', 'bea', 'cy'),
      act: fc.constantFrom('ask', 'leave', 'end'),
      at: fc.nat(20),
    });
    const all = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const semaphore = new FairSemaphore(limits);
      const running = new Map<number, { owner: string; end: () => void }>();
      const asked: { left: AbortController; done: Promise<unknown> }[] = [];
      for (const { owner, act, at } of steps) {
        if (act === 'leave') asked[at % Math.max(asked.length, 1)]?.left.abort();
        if (act === 'end') [...running.values()][at % Math.max(running.size, 1)]?.end();
        if (act === 'ask') {
          const left = new AbortController();
          const id = asked.length;
          const work = () =>
            new Promise<void>((resolve) => {
              const end = () => {
                running.delete(id);
                resolve();
              };
              running.set(id, { owner, end });
            });
          const done = semaphore.run(owner, left.signal, work).catch(() => {});
          asked.push({ left, done });
        }
        await soon();
        const owners = [...running.values()].map((each) => each.owner);
        expect(owners.length).toBeLessThanOrEqual(2);
        expect(new Set(owners).size).toBe(owners.length);
      }
      for (const { left } of asked) left.abort();
      for (const { end } of running.values()) end();
      await Promise.all(asked.map(({ done }) => done));
      // Every place is free again.
      expect(await semaphore.run('ada', never, async () => 'done')).toBe('done');
      const both = bench(semaphore);
      void both.ask('ada', 'a');
      void both.ask('bea', 'b');
      await soon();
      expect(both.begun).toEqual(['a', 'b']);
    });
    await fc.assert(all, { numRuns: 200 });
  });
});

describe('a keyed mutex', () => {
  it('goes in order, and lets go of who leaves without letting the next one in early', async () => {
    const mutex = new KeyedMutex();
    const order: string[] = [];
    let end = () => {};
    const first = mutex.run('k', () => new Promise<void>((resolve) => (end = resolve)));
    const left = new AbortController();
    const second = mutex.run('k', async () => order.push('second'), left.signal);
    const third = mutex.run('k', async () => order.push('third'), never);
    await mutex.run('another', async () => order.push('another'));
    left.abort();
    await expect(second).rejects.toMatchObject({ code: 'interrupted' });
    await soon();
    expect(order).toEqual(['another']);
    end();
    await Promise.all([first, third]);
    expect(order).toEqual(['another', 'third']);
    const failing = mutex.run('k', () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await mutex.run('k', async () => 4)).toBe(4);
  });
});

describe('failed work', () => {
  it('counts by owner, runs out within the hour, and lets admins be', () => {
    const failed = new FailedWork(60);
    const ada = { key: 'a', owner: 'ada', groups: [], role: 'member' } as const;
    failed.charge(ada, 59);
    failed.require(ada);
    failed.charge(ada, 31);
    expect(() => failed.require(ada)).toThrow(
      expect.objectContaining({ code: 'quota-exceeded', details: { retryAfter: 1800 } }),
    );
    failed.require({ ...ada, role: 'admin' });
    failed.require({ ...ada, owner: 'bea' });
  });
});

describe('open requests', () => {
  it('are bounded for each owner and for all', () => {
    const limiter = openRequests({ all: 3, each: 2 });
    const ask = (owner?: string) => {
      let close = () => {};
      const response = {
        locals: owner ? { principal: { owner } } : {},
        once: (_event: string, done: () => void) => (close = done),
      };
      limiter({} as never, response as never, () => {});
      return () => close();
    };
    const first = ask('ada');
    ask('ada');
    expect(() => ask('ada')).toThrow(expect.objectContaining({ code: 'quota-exceeded' }));
    ask('bea');
    expect(() => ask('cy')).toThrow(expect.objectContaining({ code: 'queue-full' }));
    ask();
    first();
    ask('cy');
  });
});
