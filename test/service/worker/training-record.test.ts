import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { TrainingRecord } from '../../../src/service/worker/training-record.js';
import type { WorkOptions } from '../../../src/service/worker/work-options.js';
import type { TrainingJob } from '../../../src/store/jobs/job.js';
import type { TrainingMetric } from '../../../src/store/jobs/training-store.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-training-record-'));
const run = join(home, 'trainings', 'job_x', 'run');
const temporary = join(home, 'tmp');
for (const folder of [join(run, 'checkpoints'), temporary]) mkdirSync(folder, { recursive: true });
writeFileSync(join(run, 'checkpoints', 'a-epoch0.onnx'), 'a network');
afterAll(() => rmSync(home, { recursive: true }));

const written: TrainingMetric[] = [];
const ends: string[] = [];
let holds = true;
beforeEach(() => {
  written.length = 0;
  ends.length = 0;
  holds = true;
});

/** What a record asks of tables and files, without either. */
const options = {
  home,
  temporary,
  files: { keep: async (path: string) => rmSync(path) },
  tables: {
    jobs: {
      trainings: { has: async () => false, requireRoom: async () => {} },
      attempts: {
        setRun: async () => holds,
        addMetric: async (_id: string, _attempt: number, metric: TrainingMetric) => {
          if (holds) written.push(metric);
          return holds;
        },
      },
    },
  },
} as unknown as WorkOptions;

const record = () =>
  new TrainingRecord({ id: 'job_x', attempt: 1 } as TrainingJob, run, options, {
    over: () => ends.push('over'),
    failed: () => ends.push('failed'),
  });

const epoch = (checkpoint: string) => ({
  kind: 'epoch',
  stage: 'a',
  epoch: 0,
  loss: 1,
  validation: { loss: 1, accuracy: 0.1 },
  checkpoint,
});
const step = (n: number) => ({ kind: 'step', stage: 'a', epoch: 0, step: n, loss: 1, rate: 0.1 });
const taken = async (...events: unknown[]) => {
  const made = record();
  made.take({ events: events as never[] });
  await made.settled();
  return made;
};

describe('the record of a training', () => {
  it('keeps a checkpoint with its epoch, and names it', async () => {
    await taken(epoch('checkpoints/a-epoch0.onnx'));
    expect(written).toMatchObject([
      {
        event: { checkpoint: 'a-epoch0' },
        checkpoint: { name: 'a-epoch0', stage: 'a', epoch: 0, size: 9 },
      },
    ]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('writes some of the steps, and all of the rest', async () => {
    const note = { kind: 'note', stage: 'a', text: 'hm' };
    await taken(...Array.from({ length: 1000 }, (_, n) => step(n)), note, note);
    const kinds = written.map(({ event }) => event.kind);
    expect(kinds.filter((kind) => kind === 'note')).toHaveLength(2);
    expect(kinds.filter((kind) => kind === 'step').length).toBeLessThan(20);
  });

  it('tells no folder of the home', async () => {
    const score = { kind: 'score', checkpoint: 'a', simulated: false, value: null };
    const benchmark = join(home, 'trainings', 'job_x', 'inputs', 'bmk_1', 'lab.yaml');
    await taken({ ...score, benchmark, reason: `${benchmark}: no such thing` });
    expect(written).toMatchObject([
      { event: { benchmark: 'lab.yaml', reason: 'lab.yaml: no such thing' } },
    ]);
  });

  it.each([
    ['a name that leads out', 'checkpoints/../../../../etc/passwd.onnx'],
    ['an absolute name', '/etc/passwd'],
    ['a link', 'checkpoints/link.onnx'],
    ['a folder', 'checkpoints/folder.onnx'],
    ['nothing', 'checkpoints/none.onnx'],
  ])('fails on a checkpoint that is %s', async (what, file) => {
    if (what === 'a link') symlinkSync('/etc/passwd', join(run, 'checkpoints', 'link.onnx'));
    if (what === 'a folder') mkdirSync(join(run, 'checkpoints', 'folder.onnx'));
    const made = await taken(epoch(file));
    expect(made.failure).toBeDefined();
    expect(ends).toEqual(['failed']);
    expect(written).toEqual([]);
    expect(readdirSync(temporary)).toEqual([]);
  });

  it('takes no network from where a link in place of its folder leads', async () => {
    const checkpoints = join(run, 'checkpoints');
    renameSync(checkpoints, `${checkpoints}-elsewhere`);
    symlinkSync(`${checkpoints}-elsewhere`, checkpoints);
    const made = await taken(epoch('checkpoints/a-epoch0.onnx'));
    rmSync(checkpoints);
    renameSync(`${checkpoints}-elsewhere`, checkpoints);
    expect(made.failure).toBeDefined();
    expect(written).toEqual([]);
  });

  it('says once that the attempt is over', async () => {
    holds = false;
    await taken(step(0), { kind: 'note', stage: 'a', text: 'hm' });
    expect(ends).toEqual(['over']);
  });

  it.each<[string, object]>([
    ['no event', { events: [{ kind: 'step' }] }],
    ['no list', { events: 'many' }],
    [
      'an event that is too long',
      { events: [{ kind: 'note', stage: 'a', text: 'x'.repeat(3e5) }] },
    ],
    [
      'more events than can be written',
      { events: Array(30_000).fill({ kind: 'note', stage: 'a', text: '' }) },
    ],
    ['a run without versions', { run: { digests: {} } }],
    ['a run of anything', { run: { digests: { a: 1 }, versions: {} } }],
  ])('refuses %s', (_what, part) => {
    expect(() => record().take(part)).toThrow(RangeError);
  });
});
