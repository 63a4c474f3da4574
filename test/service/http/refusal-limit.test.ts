import { EventEmitter } from 'node:events';
import type { Request, Response } from 'express';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RefusalPace } from '../../../src/service/http/refusal-limit.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const from = (ip: string) => ({ ip }) as Request;
const to = (owner?: string) =>
  Object.assign(new EventEmitter(), {
    locals: owner === undefined ? {} : { principal: { owner } },
  }) as unknown as Response;

/** Milliseconds of real time that a refusal waits while the clock that it looks at stands still. */
async function waited(pace: RefusalPace, owner?: string, ip = '192.0.2.1'): Promise<number> {
  const began = process.hrtime.bigint();
  await pace.wait(from(ip), to(owner));
  return Number(process.hrtime.bigint() - began) / 1e6;
}

it('tells the first refusal at once, and those of a burst one after the other', async () => {
  const pace = new RefusalPace();
  const order: number[] = [];
  const burst = [0, 1, 2, 3].map((n) =>
    pace.wait(from('192.0.2.1'), to('ada')).then(() => order.push(n)),
  );
  await burst[0];
  expect(order).toEqual([0]);
  await Promise.all(burst);
  expect(order).toEqual([0, 1, 2, 3]);
});

it('holds up nobody else, by owner or by address', async () => {
  const pace = new RefusalPace();
  const burst = Array.from({ length: 50 }, () => pace.wait(from('192.0.2.1'), to()));
  expect(await waited(pace, 'bea')).toBeLessThan(200);
  expect(await waited(pace, undefined, '192.0.2.2')).toBeLessThan(200);
  await Promise.all(burst);
});
