import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CheckpointScorer, ScoredNetwork } from '../../../src/cli/watch/checkpoint-scorer.js';
import { WatchLoop, type WatchPlan } from '../../../src/cli/watch/watch-loop.js';
import { type WatchedFailure, WatchState } from '../../../src/cli/watch/watch-state.js';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { digestOfFile } from '../../../src/store/files/file-digest.js';
import { madeExternal } from '../../onnx/made-external.js';
import { madeCheckpoint } from '../../scoring/made-series.js';
import { madeGraph, madeSafetensors, madeTorch, noise } from './made-runs.js';

/** The loop on real files; the scores are made up. */

const root = mkdtempSync(join(tmpdir(), 'ventral-watch-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let state: WatchState;
let stop: AbortController;
let said: string[];
let asked: ScoredNetwork[];
/** What the scorer does in place of answering. */
let mishap: ((network: ScoredNetwork) => void) | undefined;
/** What it could not score. */
let failures: readonly WatchedFailure[];
let running: Promise<unknown> | undefined;

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(root, 'case-')));
  mkdirSync(at('runs'));
  writeFileSync(at('graph.onnx'), madeGraph());
  stop = new AbortController();
  [said, asked, failures] = [[], [], []];
  mishap = undefined;
  state = await WatchState.open(at('state'), 'made', {});
});
afterEach(async () => {
  stop.abort(new VentralError('interrupted', 'Interrupted'));
  await running?.catch(() => {});
  await state.close();
});

const at = (...names: string[]) => join(folder, ...names);
const write = (name: string, bytes: Uint8Array) => {
  mkdirSync(join(at('runs', name), '..'), { recursive: true });
  writeFileSync(at('runs', name), bytes);
};

const scorer: CheckpointScorer = {
  async score(network) {
    asked.push(network);
    mishap?.(network);
    const row = {
      ...{ benchmark: 'made.V4-pls', region: 'V4', map: 'fixed' as const, layer: 'conv2' },
      ...{ value: 0.5, ci: null, raw: 0.4, ceiling: 0.9, selection: false, simulated: true },
    };
    return { rows: [{ ...row, inputs: 'sha256:0' }], failures };
  },
  close: async () => {},
};

const loop = (more: Partial<WatchPlan> = {}) =>
  new WatchLoop(
    {
      ...{ root: at('runs'), name: 'runs', wanted: () => true, threads: 1 },
      ...{ weights: { graph: at('graph.onnx') }, card: {}, ownCard: {}, interval: 20 },
      ...{ once: true, home: at('home'), maxScratch: 2 ** 30, ...more },
    },
    {
      ...{ state, scorer, signal: stop.signal, told: async () => {} },
      io: {
        out: () => {},
        err: (text) => void said.push(...text.trimEnd().split('\n')),
        interactive: false,
        color: false,
      },
    },
  );

/** Watches until the test ends. */
function follow(): WatchLoop {
  const watching = loop({ once: false });
  running = watching.run();
  return watching;
}

const once = async (more: Partial<WatchPlan> = {}) => {
  const watching = loop(more);
  await watching.run();
  return watching.count;
};

/** As a new process finds it. */
async function reopened(): Promise<void> {
  await state.close();
  state = await WatchState.open(at('state'), 'made', {});
}

/** A network whose weights are in `net.data`. */
const withExternalData = (trained: number) => madeExternal(madeCheckpoint({ trained }), 'net.data');

const scored = () => state.results.map(({ checkpoint, step }) => `${checkpoint} ${step}`);
const eventually = (expected: readonly string[]) => expect.poll(scored).toEqual(expected);

describe('a look at what is there', () => {
  test('scores ONNX, PyTorch and safetensors once each, and nothing again', async () => {
    write('a/step-1.onnx', madeCheckpoint({ trained: 0.1 }));
    write('a/step-2.pt', madeTorch(0.2));
    write('a/step-3.safetensors', madeSafetensors(0.3));
    write('a/optimizer.pt', madeTorch(0.9));
    expect(await once()).toEqual({ scored: 3, failed: 0, waiting: 0 });
    expect(scored().sort()).toEqual(['a/step-1.onnx 1', 'a/step-2.pt 2', 'a/step-3.safetensors 3']);
    expect(asked.map(({ name }) => name).sort()).toEqual(['a step 1', 'a step 2', 'a step 3']);
    await reopened();
    expect(await once()).toEqual({ scored: 0, failed: 0, waiting: 0 });
    expect(asked).toHaveLength(3);
    expect(readdirSync(at('home', 'tmp'))).toEqual([]);
  });

  test('scores the same bytes under two names once', async () => {
    write('epoch=1-step=10.ckpt', madeTorch(0.2));
    copyFileSync(at('runs', 'epoch=1-step=10.ckpt'), at('runs', 'last.ckpt'));
    expect(await once()).toMatchObject({ scored: 1, failed: 0 });
    expect(asked).toHaveLength(1);
  });

  test('takes the step from the file where its name has none', async () => {
    write('last.ckpt', madeTorch(0.2, 777));
    await once();
    expect(state.results).toMatchObject([{ run: 'runs', step: 777 }]);
  });

  test('counts versions where neither has one', async () => {
    write('last.ckpt', madeTorch(0.2));
    await once();
    write('last.ckpt', madeTorch(0.4));
    await once();
    expect(state.results).toMatchObject([
      { run: 'runs/last', step: 1 },
      { run: 'runs/last', step: 2 },
    ]);
  });

  test('leaves out what does not fit', async () => {
    write('step-1.pt', madeTorch(0.1));
    write('step-2.pt', madeTorch(0.2));
    await once({ wanted: (name) => name !== 'step-2.pt' });
    expect(scored()).toEqual(['step-1.pt 1']);
  });

  test('reports what is incomplete, and ends', async () => {
    write('step-1.pt', madeTorch(0.1).subarray(0, 3000));
    write('step-2.safetensors', madeSafetensors(0.1).subarray(0, -7));
    write('step-3.onnx', madeCheckpoint({ trained: 0.1 }).subarray(0, 900));
    write('step-4.pt', new Uint8Array(4000));
    write('step-5.pt', new Uint8Array(0));
    expect(await once()).toEqual({ scored: 0, failed: 0, waiting: 5 });
    for (const reason of [
      ...[/step-1.pt: the directory of its ZIP archive/, /step-2.safetensors: it has \d+ bytes of/],
      ...[/step-3.onnx: it ends inside its graph/, /step-4.pt: it begins with zeros/],
      /step-5.pt: it is empty/,
    ])
      expect(said.filter((line) => reason.test(line))).toHaveLength(1);
  });

  test('says in one line why a file cannot be scored, and goes on', async () => {
    write('step-1.pt', noise(5000));
    write('step-2.pt', madeTorch(0.2));
    expect(await once()).toEqual({ scored: 1, failed: 1, waiting: 0 });
    expect(said).toEqual([expect.stringMatching(/^ventral: step-1\.pt is neither a PyTorch/)]);
    await reopened();
    said = [];
    expect(await once()).toEqual({ scored: 0, failed: 1, waiting: 0 });
    expect(said).toEqual([expect.stringMatching(/found earlier; --retry tries it again/)]);
    await state.retry();
    expect(await once()).toEqual({ scored: 0, failed: 1, waiting: 0 });
    write('step-1.pt', madeTorch(0.1));
    expect(await once()).toEqual({ scored: 1, failed: 0, waiting: 0 });
  });

  test('keeps a result when another file of the same bytes fails', async () => {
    write('step-1.onnx', madeCheckpoint({ trained: 0.1 }));
    expect(await once()).toMatchObject({ scored: 1, failed: 0 });
    copyFileSync(at('runs', 'step-1.onnx'), at('runs', 'last.onnx'));
    writeFileSync(at('runs', 'last.yaml'), 'input: [');
    expect(await once()).toMatchObject({ scored: 0, failed: 1 });
    expect(said).toEqual([expect.stringMatching(/last\.yaml/)]);
    await reopened();
    expect(state.endOf(await digestOfFile(at('runs', 'step-1.onnx')))).toBe('scored');
    await state.retry();
    await once();
    expect(asked).toHaveLength(1);
    expect(scored()).toEqual(['step-1.onnx 1']);
  });

  test('scores what was scored in part again with --retry, at the same step', async () => {
    failures = [{ benchmark: 'made.IT-pls', code: 'data-missing', reason: 'no data' }];
    write('last.ckpt', madeTorch(0.2));
    expect(await once()).toEqual({ scored: 1, failed: 1, waiting: 0 });
    await reopened();
    said = [];
    expect(await once()).toEqual({ scored: 0, failed: 1, waiting: 0 });
    expect(said).toEqual([
      'ventral: last.ckpt: made.IT-pls: no data (found earlier; --retry tries it again)',
    ]);
    await state.retry();
    failures = [];
    expect(await once()).toEqual({ scored: 1, failed: 0, waiting: 0 });
    await reopened();
    await state.retry();
    expect(await once()).toEqual({ scored: 0, failed: 0, waiting: 0 });
    expect(scored()).toEqual(['last.ckpt 1', 'last.ckpt 1']);
    expect(asked.map(({ once: key }) => key.slice(-2))).toEqual(['-0', '-1']);
  });

  test('does not follow links', async () => {
    mkdirSync(at('elsewhere'));
    writeFileSync(at('elsewhere', 'step-1.pt'), madeTorch(0.1));
    symlinkSync(at('elsewhere'), at('runs', 'linked'));
    symlinkSync(at('elsewhere', 'step-1.pt'), at('runs', 'step-9.pt'));
    symlinkSync('/nowhere', at('runs', 'dangling.pt'));
    symlinkSync(at('runs'), at('runs', 'circle'));
    expect(await once()).toEqual({ scored: 0, failed: 0, waiting: 0 });
    expect(said.filter((line) => /is a link, which is not followed/.test(line))).toHaveLength(4);
  });

  test('takes ten thousand files', async () => {
    write('step-1.pt', madeTorch(0.1));
    for (let i = 0; i < 10_000; i++) writeFileSync(at('runs', `notes-${i}.txt`), '');
    expect(await once()).toMatchObject({ scored: 1 });
  });
});

describe('a training that goes on', () => {
  test('is waited for until a file is whole', async () => {
    const whole = madeTorch(0.1);
    write('step-1.pt', whole.subarray(0, 2000));
    follow();
    await expect.poll(() => said.join('\n')).toMatch(/waiting for the rest/);
    appendFileSync(at('runs', 'step-1.pt'), whole.subarray(2000));
    await eventually(['step-1.pt 1']);
  });

  test('has a new row where it writes over a file', async () => {
    write('last.ckpt', madeTorch(0.1, 10));
    follow();
    await eventually(['last.ckpt 10']);
    write('last.ckpt', madeTorch(0.2, 20));
    await eventually(['last.ckpt 10', 'last.ckpt 20']);
  });

  test('may mend a file', async () => {
    write('step-1.pt', noise(3000));
    const watching = follow();
    await expect.poll(() => watching.count.failed).toBe(1);
    write('step-1.pt', madeTorch(0.1));
    await eventually(['step-1.pt 1']);
    await expect.poll(() => watching.count).toEqual({ scored: 1, failed: 0, waiting: 0 });
  });

  test('may delete a file while it is scored', async () => {
    mishap = () => rmSync(at('runs', 'step-1.pt'), { force: true });
    write('step-1.pt', madeTorch(0.1));
    follow();
    await eventually(['step-1.pt 1']);
    write('step-2.pt', madeTorch(0.2));
    await eventually(['step-1.pt 1', 'step-2.pt 2']);
    expect(said).toEqual([]);
  });

  test('may delete files faster than they are scored, which is said', async () => {
    mishap = () => rmSync(at('runs', 'step-2.pt'), { force: true });
    write('step-1.pt', madeTorch(0.1));
    write('step-2.pt', madeTorch(0.2));
    expect(await once()).toEqual({ scored: 1, failed: 0, waiting: 0 });
    expect(said).toEqual(['ventral: step-2.pt was deleted before it was scored']);
  });

  test('waits for external data, and sees that they changed', async () => {
    const { model, data } = withExternalData(0.1);
    write('net_1.onnx', model);
    follow();
    await expect.poll(() => said.join('\n')).toMatch(/no file net\.data: waiting for the rest/);
    write('net.data', data);
    await eventually(['net_1.onnx 1']);
    write('net.data', withExternalData(0.7).data);
    await eventually(['net_1.onnx 1', 'net_1.onnx 1']);
    const digests = state.results.map(({ digest }) => digest);
    expect(new Set(digests).size).toBe(2);
  });

  test('is scored on once a passing trouble is over', async () => {
    let failures = 2;
    mishap = () => {
      if (failures-- > 0) throw new VentralError('disk-full', 'No space left on the disk');
    };
    write('step-1.pt', madeTorch(0.1));
    const watching = loop({ once: false, pause: 10 });
    running = watching.run();
    await eventually(['step-1.pt 1']);
    expect(said.filter((line) => /No space left/.test(line))).toHaveLength(1);
    expect(asked).toHaveLength(3);
  });
});

test('a job that is cancelled at its service after some scores is asked for anew', async () => {
  const reason = 'job_1 was cancelled there';
  failures = [{ benchmark: 'job_1', code: 'interrupted', reason }];
  write('step-1.pt', madeTorch(0.1));
  await expect(once()).rejects.toMatchObject({ code: 'interrupted', message: reason });
  expect(scored()).toEqual([]);
  failures = [];
  await reopened();
  expect(await once()).toEqual({ scored: 1, failed: 0, waiting: 0 });
  expect(asked.map(({ once: key }) => key.slice(-2))).toEqual(['-0', '-1']);
});

describe('a process that dies', () => {
  test('over a checkpoint three times is not given it again', async () => {
    write('step-1.pt', madeTorch(0.1));
    const digest = await digestOfFile(at('runs', 'step-1.pt'));
    for (let time = 1; time <= 3; time++) {
      // What a kill leaves: the attempt began, and nothing else is written.
      await state.started(digest, 'step-1.pt');
      await reopened();
    }
    expect(await once()).toEqual({ scored: 0, failed: 1, waiting: 0 });
    expect(said.join('\n')).toMatch(/the process ended 3 times/);
    await state.retry();
    await reopened();
    expect(await once()).toEqual({ scored: 1, failed: 0, waiting: 0 });
  });

  test('leaves a torn line, which is cut off', async () => {
    write('step-1.pt', madeTorch(0.1));
    await once();
    await state.close();
    appendFileSync(at('state', 'journal.jsonl'), '{"kind":"scored","digest":"sha2');
    state = await WatchState.open(at('state'), 'made', {});
    expect([state.damaged, state.results.length]).toEqual([0, 1]);
    write('step-2.pt', madeTorch(0.2));
    await once();
    await reopened();
    expect(scored()).toEqual(['step-1.pt 1', 'step-2.pt 2']);
  });

  test('asks a service for the same once', async () => {
    const keys = async () => {
      mishap = () => stop.abort(new VentralError('interrupted', 'Interrupted'));
      await once().catch(() => {});
      stop = new AbortController();
    };
    write('step-1.pt', madeTorch(0.1));
    mishap = () => {
      throw new VentralError('not-ready', 'The service does not answer');
    };
    await expect(once()).rejects.toMatchObject({ code: 'not-ready' });
    await reopened();
    await expect(once()).rejects.toMatchObject({ code: 'not-ready' });
    await keys();
    const [first, second, third] = asked.map(({ once: key }) => key);
    expect(first).toMatch(/^watch-made-[0-9a-f]{32}-0$/);
    expect([second, third]).toEqual([first, first]);
  });

  test('asks a service anew for what was cancelled or failed', async () => {
    write('step-1.pt', madeTorch(0.1));
    mishap = () => {
      stop.abort(new VentralError('interrupted', 'Interrupted'));
      throw new VentralError('interrupted', 'Interrupted; job_1 was cancelled');
    };
    await expect(once()).rejects.toMatchObject({ code: 'interrupted' });
    stop = new AbortController();
    mishap = () => {
      throw new VentralError('process-crashed', 'The process crashed');
    };
    expect(await once()).toMatchObject({ failed: 1 });
    await state.retry();
    mishap = undefined;
    await reopened();
    expect(await once()).toMatchObject({ scored: 1, failed: 0 });
    const keys = asked.map(({ once: key }) => key.slice(-2));
    expect(keys).toEqual(['-0', '-1', '-2']);
  });
});

test('a second watch of the same state is refused', async () => {
  await expect(WatchState.open(at('state'), 'made', {})).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(/Another ventral watch/),
  });
  await state.close();
  await expect(WatchState.open(at('state'), 'other', {})).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringMatching(/another folder or with other options/),
  });
  state = await WatchState.open(at('state'), 'made', {});
});
