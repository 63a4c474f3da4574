import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openOutputs } from '../../../src/cli/watch/watch-outputs.js';
import { WatchState } from '../../../src/cli/watch/watch-state.js';
import { readEventRecords } from '../../../src/formats/event-record.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-watch-outputs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (...names: string[]) => join(folder, ...names);

const digest = `sha256:${'0'.repeat(64)}`;
const about = { digest, checkpoint: 'step-7.pt', run: 'runs', step: 7 };
const row = (benchmark: string, value: number) => ({
  ...{ benchmark, region: null, map: 'fixed' as const, layer: 'conv2', value, ci: null },
  ...{ raw: value, ceiling: 1, selection: false, simulated: true, inputs: 'sha256:0' },
});
const failure = (benchmark: string) => ({ benchmark, code: 'data-missing', reason: 'no data' });

/** Does something with the state and its files, as a process of its own. */
async function inProcess(work: (state: WatchState) => Promise<unknown>): Promise<void> {
  const state = await WatchState.open(at('state'), 'made', {});
  const places = { tensorboard: at('logs'), jsonl: at('scores.jsonl') };
  const outputs = await openOutputs(places, state, (benchmark) => benchmark);
  await work(state);
  await outputs.write();
  await outputs.close();
  await state.close();
}

test('a result of --retry follows the one that it replaces, once, and lacks none of its numbers', async () => {
  await inProcess((state) =>
    state.scored({ ...about, rows: [row('a', 0.1), row('b', 0.2)], failures: [failure('c')] }),
  );
  await inProcess((state) => state.retry());
  await inProcess((state) =>
    state.scored({ ...about, rows: [row('b', 0.25), row('c', 0.3)], failures: [failure('a')] }),
  );
  await inProcess(async (state) => {
    expect(state.scoredCount).toBe(1);
    expect(state.isPartial(digest)).toBe(true);
  });
  const lines = readFileSync(at('scores.jsonl'), 'utf8').trimEnd().split('\n');
  const found = lines.map((line) => JSON.parse(line));
  expect(found.map((line) => [line.digest, line._step])).toEqual([
    [digest, 7],
    [digest, 7],
  ]);
  const values = found.map((line) => ['a', 'b', 'c'].map((name) => line[`${name}/value`]));
  expect(values).toEqual([
    [0.1, 0.2, undefined],
    [0.1, 0.25, 0.3],
  ]);
  const events = at('logs', 'runs', 'ventral');
  const { wallTimes } = readEventRecords(readFileSync(join(events, readdirSync(events)[0])));
  // The record of the format, and one a result.
  expect([wallTimes.length, new Set(wallTimes).size]).toEqual([3, 3]);
});

test('a retry that fails wholly leaves the former result', async () => {
  const lost = { ...about, digest: `sha256:${'1'.repeat(64)}` };
  await inProcess((state) =>
    state.scored({ ...lost, rows: [row('a', 0.1)], failures: [failure('b')] }),
  );
  await inProcess(async (state) => {
    await state.retry();
    expect(state.endOf(lost.digest)).toBeUndefined();
    const { checkpoint } = lost;
    await state.failed({ digest: lost.digest, checkpoint, code: 'data-missing', reason: 'none' });
  });
  await inProcess(async (state) => {
    expect(state.endOf(lost.digest)).toBe('failed');
    expect(state.resultOf(lost.digest)?.rows).toHaveLength(1);
  });
});
