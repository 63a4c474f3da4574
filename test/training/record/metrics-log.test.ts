import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MetricsLog, readMetrics } from '../../../src/training/record/metrics-log.js';
import type { TrainingEvent } from '../../../src/training/record/training-event.js';
import { trainingEvents } from '../training-events.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-metrics-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function written(name: string, events: readonly TrainingEvent[], length = 0) {
  const path = join(root, name);
  const log = await MetricsLog.open(path, length);
  for (const event of events) await log.append(event);
  const size = await log.sync();
  await log.close();
  return { path, size };
}

describe('the events of a run', () => {
  test('come back as they went in', async () => {
    const { path, size } = await written('all.jsonl', trainingEvents);
    expect(readFileSync(path).length).toBe(size);
    expect(await readMetrics(path)).toEqual(trainingEvents);
  });

  test('have the same bytes after a kill and a resumption as without', async () => {
    const { path: whole } = await written('whole.jsonl', trainingEvents);
    const { path, size } = await written('cut.jsonl', trainingEvents.slice(0, 3));
    appendFileSync(path, '{"kind":"step","stage":"adv');
    await written('cut.jsonl', trainingEvents.slice(3), size);
    expect(readFileSync(path)).toEqual(readFileSync(whole));
  });

  test('begin anew where nothing is to be kept', async () => {
    await written('anew.jsonl', trainingEvents);
    const { path } = await written('anew.jsonl', trainingEvents.slice(0, 1));
    expect(await readMetrics(path)).toHaveLength(1);
  });

  test('keep a loss that is not a number', async () => {
    const step = { ...trainingEvents[0], loss: Number.NaN } as TrainingEvent;
    const { path } = await written('nan.jsonl', [step]);
    expect(await readMetrics(path)).toEqual([step]);
  });
});

describe('a damaged log', () => {
  const lines = trainingEvents.map((event) => `${JSON.stringify(event)}\n`).join('');

  test.each(['{"kind":"st', '{', `${JSON.stringify(trainingEvents[0])}`])(
    'that was cut in its last line is read up to it: %s',
    async (rest) => {
      const path = join(root, 'last.jsonl');
      writeFileSync(path, lines + rest);
      expect(await readMetrics(path)).toEqual(trainingEvents);
    },
  );

  test.each([
    ['{"kind":"st\n', /:1 is no event/],
    ['null\n', /:1 is no event/],
    ['{"kind":"other"}\n', /:1 is no event: .*kind/],
    ['{"kind":"step","stage":"a","epoch":0,"step":-1,"loss":1,"rate":1}\n', /\/step must be >= 0/],
    ['{"kind":"robustness","checkpoint":"a"}\n', /required property/],
    ['\n', /:1 is no event/],
  ])('is refused anywhere else: %j', async (first, sentence) => {
    const path = join(root, 'first.jsonl');
    writeFileSync(path, first + lines);
    await expect(readMetrics(path)).rejects.toMatchObject({
      code: 'checkpoint-invalid',
      message: sentence,
    });
  });

  test('that is shorter than a checkpoint says is refused, and left as it is', async () => {
    const path = join(root, 'short.jsonl');
    writeFileSync(path, lines);
    await expect(MetricsLog.open(path, lines.length + 1)).rejects.toMatchObject({
      code: 'checkpoint-invalid',
      message: /bytes where the checkpoint names/,
    });
    expect(readFileSync(path, 'utf8')).toBe(lines);
    await expect(MetricsLog.open(join(root, 'none.jsonl'), 5)).rejects.toMatchObject({
      code: 'file-missing',
    });
    await expect(readMetrics(join(root, 'none.jsonl'))).rejects.toMatchObject({
      code: 'file-missing',
    });
  });
});
