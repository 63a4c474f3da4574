import { cpus } from 'node:os';
import { describe, expect, test } from 'vitest';
import { type Progress, type StagePlan, Work } from '../../src/runtime/work.js';

/** A job with a clock of its own. @param share of the cores that other processes leave */
function job(share = 1) {
  let now = 0;
  const heard: Progress[] = [];
  const work = Work.start((progress) => heard.push(progress), {
    now: () => 1000 * now,
    free: () => share * cpus().length * now,
  });
  const wait = (seconds: number) => {
    now += seconds;
  };
  return { work, wait, heard, last: () => heard.at(-1) as Progress };
}

const images = (more: Partial<StagePlan> = {}): StagePlan => ({
  stage: 'activations',
  total: 100,
  seconds: 10,
  basis: 'network',
  ...more,
});
const cells: StagePlan = { stage: 'metric', total: 10, seconds: 20, basis: 'arithmetic' };

describe('the work of a job', () => {
  test('corrects each kind of stage by its measured speed, and leaves the prediction of the others', () => {
    const { work, wait, last } = job();
    const [passes, metric] = [work.stage(images()), work.stage(cells)];
    work.planned();
    passes.at(0);
    wait(10);
    // A tenth of the images took as long as all were predicted to.
    passes.at(10);
    expect(last()).toMatchObject({
      stage: 'activations',
      done: 10,
      total: 100,
      elapsedSeconds: 10,
    });
    expect(last().etaSeconds).toBeGreaterThanOrEqual(90 + 20);
    wait(90);
    passes.at(100);
    metric.at(0);
    wait(1);
    metric.at(1);
    // 1 s a cell, not 2 as predicted: the first counts little, for the start of threads is in it.
    expect(last().etaSeconds).toBeGreaterThan(14);
    expect(last().etaSeconds).toBeLessThan(17);
    for (let cell = 2; cell <= 9; cell++) {
      wait(1);
      metric.at(cell);
    }
    expect(last().etaSeconds).toBeGreaterThan(1);
    expect(last().etaSeconds).toBeLessThan(1.5);
    wait(1);
    metric.at(10);
    expect(last()).toMatchObject({ share: 1, elapsedSeconds: 110, etaSeconds: 0 });
  });

  test.each([
    ['idle', 1, 20],
    ['half taken by others', 0.5, 40],
  ])(
    'predicts arithmetic by the cores as they are while the network runs: %s',
    (_, share, rest) => {
      const { work, wait, last } = job(share);
      const passes = work.stage(images());
      work.stage(cells);
      work.planned();
      for (let done = 0; done <= 100; done += 10) {
        passes.at(done);
        wait(1);
      }
      passes.at(100);
      expect(last().etaSeconds).toBeCloseTo(rest, 5);
    },
  );

  test('says nothing on the rest before its plan is whole and the first of it measured', () => {
    const { work, wait, last } = job();
    const data = work.stage({ ...cells, stage: 'data', basis: 'bytes' });
    wait(5);
    data.at(3);
    expect(last()).toMatchObject({ share: 0, etaSeconds: null });
    const passes = work.stage(images());
    work.planned();
    data.at(10);
    expect(last().etaSeconds).not.toBeNull();
    passes.at(0);
    expect(last().share).toBeGreaterThan(0);
  });

  test('has a share that never falls, whatever is added to the plan', () => {
    const { work, wait, heard } = job();
    const passes = work.stage(images());
    work.planned();
    for (let done = 0; done <= 50; done += 10) {
      passes.at(done);
      wait(1);
    }
    work.stage(images({ seconds: 100 }));
    passes.at(60);
    wait(1);
    passes.at(100);
    const shares = heard.map(({ share }) => share);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
  });

  test('counts what was done before as done, and not as speed', () => {
    const { work, wait, last } = job();
    const passes = work.stage(images());
    passes.skip(50);
    work.planned();
    passes.at(50);
    wait(10);
    passes.at(60);
    expect(last()).toMatchObject({ share: 0.6, etaSeconds: 40, elapsedSeconds: 10 });
  });

  test('takes parts without a plan to be as long as the others, but for those from a cache', () => {
    const { work, wait, last } = job();
    const parts = work.parts(['checkpoint 1', 'checkpoint 2', 'checkpoint 3', 'checkpoint 4']);
    work.planned();
    parts[0].end();
    const passes = parts[1].stage(images());
    parts[1].planned();
    passes.at(0);
    wait(5);
    passes.at(50);
    expect(last()).toMatchObject({ stage: 'checkpoint 2: activations', etaSeconds: 5 + 2 * 10 });
  });

  test('takes a part without a plan at its guess, corrected by stages of its basis', () => {
    const { work, wait, last } = job();
    const [train] = work.parts(['']);
    let seconds = 50;
    const [evaluate] = work.parts(['base'], () => ({ seconds, basis: 'network' }));
    work.planned();
    const steps = train.stage(images({ stage: 'train' }));
    train.planned();
    steps.at(0);
    wait(2);
    steps.at(10);
    // Twice as slow as predicted: 18 s of steps, and 100 s of evaluation.
    expect(last().etaSeconds).toBe(18 + 100);
    seconds = 5;
    steps.at(10);
    expect(last().etaSeconds).toBe(18 + 10);
    evaluate.end();
    steps.at(10);
    expect(last().etaSeconds).toBe(18);
  });

  test('takes back how many items a stage has, at the cost that an item had', () => {
    const { work, wait, last } = job();
    const attack = work.stage(images());
    work.planned();
    attack.at(0);
    wait(10);
    attack.expect(10, 40);
    attack.at(10);
    expect(last()).toMatchObject({ done: 10, total: 50, etaSeconds: 40 });
    wait(10);
    attack.expect(20, 0);
    attack.at(20);
    expect(last()).toMatchObject({ share: 1, etaSeconds: 0 });
    expect(attack.begun).toBe(true);
  });

  test('leaves the start out of the speed of a kind once as much was done after it', () => {
    const { work, wait, last } = job();
    const passes = work.stage(images());
    work.planned();
    passes.at(0);
    wait(30);
    passes.at(10);
    expect(last().etaSeconds).toBe(270);
    wait(1);
    passes.at(15);
    expect(last().etaSeconds).toBeCloseTo((85 * 31) / 15, 1);
    wait(1);
    passes.at(20);
    expect(last().etaSeconds).toBe(80 / 5);
  });

  test('takes over what another process says of a part', () => {
    const { work, last } = job();
    const parts = work.parts(['', '']);
    work.planned();
    const at = { stage: 'metric', done: 1, total: 2, share: 0.5 };
    parts[0].mirror({ ...at, elapsedSeconds: 30, etaSeconds: 10, words: 'loss 2' });
    expect(last()).toMatchObject({ ...at, share: 0.375, etaSeconds: 10 + 40, words: 'loss 2' });
    parts[0].end();
    parts[1].mirror({ ...at, elapsedSeconds: 10, etaSeconds: 30 });
    expect(last()).toMatchObject({ etaSeconds: 30 });
  });

  test('ends a stage that stops early', () => {
    const { work, wait, last } = job();
    const [first, second] = [work.stage(images()), work.stage(images({ stage: 'second' }))];
    work.planned();
    first.at(0);
    wait(1);
    first.at(10);
    first.end();
    wait(1);
    second.at(10);
    expect(last().etaSeconds).toBe(9);
  });

  test('has numbers for stages of nothing', () => {
    const { work, last } = job();
    work.stage(images({ total: 0, seconds: 0 })).at(0);
    work.planned();
    work.stage(images({ total: 0, seconds: 0 })).at(0);
    expect(last()).toMatchObject({ share: 0, etaSeconds: 0 });
  });
});
