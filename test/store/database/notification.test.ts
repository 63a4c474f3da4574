import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { nextNotification } from '../../../src/store/database/notification.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const emitter = new EventEmitter();
const soon = (come: Promise<void>) =>
  Promise.race([come.then(() => 'came'), sleep(2000, 'still waiting')]);

it('comes when the time is over, though nobody keeps the wait', async () => {
  const come = nextNotification(emitter, 'job', 200).come;
  collectGarbage();
  expect(await soon(come)).toBe('came');
});

it('comes at the word', async () => {
  const { come } = nextNotification(emitter, 'job', 60_000);
  emitter.emit('job');
  expect(await soon(come)).toBe('came');
});

it('comes when the signal aborts, or has done so, and leaves no listener', async () => {
  const stop = new AbortController();
  const { come } = nextNotification(emitter, 'job', 60_000, stop.signal);
  stop.abort();
  expect(await soon(come)).toBe('came');
  expect(await soon(nextNotification(emitter, 'job', 60_000, stop.signal).come)).toBe('came');
  expect(emitter.listenerCount('job')).toBe(0);
});

it('can be given up', async () => {
  const { come, cancel } = nextNotification(emitter, 'job', 60_000);
  cancel();
  expect(await soon(come)).toBe('came');
});
