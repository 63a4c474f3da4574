import { describe, expect, it } from 'vitest';
import { BackgroundRun, makesWay } from '../../../src/service/worker/background-run.js';
import { localPrincipal, SERVICE_OWNER } from '../../../src/store/records/principal.js';

/** A run that ends when it is told to, among jobs of others that a test counts. */
function background() {
  const others = { open: false };
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let notify = () => {};
  const notified = () =>
    new Promise<void>((resolve) => {
      notify = resolve;
    });
  const run = new BackgroundRun({ othersWait: async () => others.open }, () => ended);
  return { run, others, end: () => end(), notified, notify: () => notify() };
}

const never = new AbortController().signal;

describe('a run that makes way', () => {
  it('is one of the service itself', () => {
    expect(makesWay({ owner: SERVICE_OWNER })).toBe(true);
    expect(makesWay({ owner: localPrincipal.owner })).toBe(false);
  });

  it('does not start where somebody waits already', async () => {
    const { run, others, notified } = background();
    others.open = true;
    await run.go(notified, never);
    expect(run).toMatchObject({ isOver: false, pause: { on: true } });
  });

  it('leaves its slot at the word that there is a job', async () => {
    const { run, others, notified, notify } = background();
    const going = run.go(notified, never);
    await Promise.resolve();
    expect(run.pause.on).toBe(false);
    others.open = true;
    notify();
    await going;
    expect(run).toMatchObject({ isOver: false, pause: { on: true } });
  });

  it('may not go on at once, and keeps its slot until it ends', async () => {
    const { run, others, notified, end } = background();
    others.open = true;
    await run.go(notified, never);
    expect(await run.mayGoOn()).toBe(false);
    others.open = false;
    // It is quiet, but for how long is not known yet.
    expect(await run.mayGoOn()).toBe(false);
    const going = run.go(notified, never);
    end();
    await going;
    expect(run).toMatchObject({ isOver: true, pause: { on: false } });
  });

  it('only waits for its end where the worker stops', async () => {
    const stopping = new AbortController();
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    let asked = 0;
    const othersWait = async () => {
      asked++;
      await new Promise((resolve) => setImmediate(resolve));
      return false;
    };
    const run = new BackgroundRun({ othersWait }, () => ended);
    // Every word comes at once from then on.
    const word = () => (stopping.signal.aborted ? Promise.resolve() : ended);
    const going = run.go(word, stopping.signal);
    stopping.abort();
    for (let turn = 0; turn < 1500; turn++) await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(asked).toBeLessThan(3);
    end();
    await going;
    expect(run.isOver).toBe(true);
  });
});
