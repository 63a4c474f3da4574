import { expect, test } from 'vitest';
import { type Leaving, leave, readLeaving } from '../../../src/cli/cluster/leave.js';
import { program } from '../../../src/cli/command-line.js';
import { readTime } from '../../../src/cli/options/read-time.js';

test.each([
  ['90s', 90],
  ['5m', 300],
  ['4h', 14_400],
  ['2d', 172_800],
  ['90', 5400],
  ['5:30', 330],
  ['4:00:00', 14_400],
  ['1-0', 86_400],
  ['2-12:30', 217_800],
  ['1-02:03:04', 93_784],
])('%s is %i seconds', (text, seconds) => {
  expect(readTime(text, '--time')).toBe(seconds);
});

test.each(['', '0', '-5m', '5 m', '4:00:00:00', '1-', '1:2:', 'infinite', '4000d', '1e3', '5m\n'])(
  'refuses %j',
  (text) => {
    expect(() => readTime(text, '--drain-before')).toThrow(/^--drain-before: expected a time/);
  },
);

/** Reads options of `ventral worker` as its command line does. */
function leaving(
  words: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  now = new Date(0),
): Leaving {
  const io = { out() {}, err() {}, interactive: false, color: false };
  const worker = program(io).commands.find((each) => each.name() === 'worker');
  worker?.parseOptions([...words]);
  return readLeaving(worker as never, environment, now);
}

test('of two limits the earlier counts', () => {
  expect(leaving([])).toEqual({ drainBefore: 300 });
  expect(leaving(['--time', '1h']).limit).toEqual(new Date(3_600_000));
  const slurm = { SLURM_JOB_END_TIME: '1800000000' };
  expect(leaving([], slurm).limit).toEqual(new Date(1_800_000_000_000));
  expect(leaving(['--time', '1h'], slurm).limit).toEqual(new Date(3_600_000));
  expect(leaving(['--until-empty']).untilEmpty).toBeGreaterThan(0);
});

test('a time before a limit that nobody knows is refused', () => {
  const words = ['--drain-before', '5m'];
  expect(() => leaving(words)).toThrow(/SLURM_JOB_END_TIME/);
  expect(() => leaving(words, { SLURM_JOB_END_TIME: 'never' })).toThrow(/SLURM_JOB_END_TIME/);
});

test('a time limit in which no job would be taken is refused', () => {
  expect(() => leaving(['--time', '5m'])).toThrow(/--time 5m leaves no time .* the last 5m/);
  expect(() => leaving(['--time', '3m', '--drain-before', '1h'])).toThrow(/leaves no time/);
  const slurm = { SLURM_JOB_END_TIME: '100000300' };
  const from = (seconds: number, ...words: readonly string[]) =>
    leaving(words, slurm, new Date(seconds * 1000));
  expect(() => from(100_000_000)).toThrow(
    /^SLURM_JOB_END_TIME, 1973-03-03T09:51:40\.000Z, leaves no time .* the last 5m/,
  );
  expect(() => from(100_000_001, '--time', '1h')).toThrow(/SLURM_JOB_END_TIME.* leaves no time/);
  expect(() => from(100_000_301, '--drain-before', '1s')).toThrow(/leaves no time/);
  expect(from(99_999_999).limit).toEqual(new Date(100_000_300_000));
  expect(from(100_000_000, '--drain-before', '1m')).toMatchObject({ drainBefore: 60 });
});

const never = new Promise<void>(() => {});

/** What a worker is told until it is to be stopped. */
async function told(
  how: Partial<Leaving>,
  jobs: Promise<void>,
  { empty = never, asked = never }: { empty?: Promise<void>; asked?: Promise<void> } = {},
): Promise<string[]> {
  const words: string[] = [];
  const drain = () => {
    words.push('drain');
    return jobs.then(() => void words.push('drained'));
  };
  const log = { info: () => {} } as never;
  await leave({ empty, drain }, { drainBefore: 300, ...how }, asked, log);
  return words;
}

test('a worker drains before its limit, and is stopped where a job takes longer', async () => {
  const limit = new Date(Date.now() + 200_000);
  expect(await told({ limit }, Promise.resolve())).toEqual(['drain', 'drained']);
  expect(await told({ limit: new Date(Date.now() + 29_000) }, never)).toEqual(['drain']);
});

test('a worker drains when it is asked to, and ends at once when nothing is left', async () => {
  expect(await told({}, Promise.resolve(), { asked: Promise.resolve() })).toEqual([
    'drain',
    'drained',
  ]);
  expect(await told({}, never, { empty: Promise.resolve() })).toEqual([]);
});
