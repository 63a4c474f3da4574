import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { missing } from '../../../src/cli/cluster/slurm.js';
import { runCommandLine } from '../../../src/cli/command-line.js';
import { packageVersion } from '../../../src/formats/package-root.js';
import { copyTemplate, onServer } from '../../postgres.js';

/** Programs of Slurm that write down what they are asked, in place of a cluster; the real one is in test/slow. */
const fake = (name: string, folder: string) => `#!/bin/sh
echo "${name} $*" >> ${folder}/asked
[ -e ${folder}/down ] && { echo "${name}: error: Unable to contact slurm controller (connect failure)" >&2; exit 1; }
case ${name} in
sbatch)
  cat > ${folder}/script
  env > ${folder}/environment
  [ -e ${folder}/refuse ] && { echo "sbatch: error: invalid partition specified: x" >&2; exit 1; }
  echo "77;lab" ;;
squeue) cat ${folder}/pilots ;;
esac
`;

let folder: string;
let home: string;
let url: string;
const before = { ...process.env };
beforeAll(async () => {
  url = await copyTemplate(inject('postgres'));
  await onServer(url, `update installation set version = '${packageVersion}'`);
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-slurm-'));
  home = join(folder, "a 'home'");
  await writeFile(join(folder, 'pilots'), '');
  for (const name of ['sbatch', 'squeue', 'scancel']) {
    await writeFile(join(folder, name), fake(name, folder));
    await chmod(join(folder, name), 0o755);
  }
  process.env.PATH = `${folder}${delimiter}${before.PATH}`;
  process.env.DATABASE_URL = secret(url);
  process.env.VENTRAL_KEY = "vk_the'key";
  process.env.MY_OTHER_SECRET = 'hunter2';
  await onServer(url, 'delete from jobs');
  return () => rm(folder, { recursive: true, force: true });
});
afterAll(() => {
  for (const name of ['PATH', 'DATABASE_URL', 'VENTRAL_KEY', 'MY_OTHER_SECRET'])
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
});

/** The database with a password, which the server of tests does not ask for. */
function secret(address: string): string {
  const parsed = new URL(address);
  parsed.password = 's3cret';
  return parsed.href;
}

async function ventral(...words: string[]) {
  const said = { out: '', err: '' };
  const io = {
    out: (text: string) => {
      said.out += text;
    },
    err: (text: string) => {
      said.err += text;
    },
    interactive: false,
    color: false,
  };
  const status = await runCommandLine(['node', 'ventral', '--home', home, ...words], io);
  return { status, ...said };
}

const file = (name: string) => readFile(join(folder, name), 'utf8').catch(() => '');

/** Adds jobs in a state. */
const jobs = (
  count: number,
  state: string,
  { kind = 'score', owner = 'ada', provider = '' } = {},
) =>
  onServer(
    url,
    `insert into jobs (id, kind, state, model, digest, model_name, card, benchmarks, keys, sources, owner, provider)
     select gen_random_uuid()::text, '${kind}', '${state}', 'm', 'd', 'm', '{}', '[]', '[]', '[]', '${owner}', nullif('${provider}', '')
     from generate_series(1, ${count})`,
  );

const up = (...words: string[]) =>
  ventral('slurm', 'up', '--max', '8', '--time', '4:00:00', ...words);

describe('ventral slurm up', () => {
  test('submits as many pilot jobs as there are queued jobs, and no more than are asked', async () => {
    await jobs(3, 'queued');
    await jobs(2, 'running');
    await jobs(5, 'queued', { owner: 'ventral' });
    const { status, out, err } = await up('--gres', 'gpu:1', '--cpus', '4');
    expect([status, err]).toEqual([0, '']);
    expect(out).toBe('Submitted 3 pilot jobs as array 77: 3 queued and 2 running\n');
    const asked = (await file('asked')).replaceAll('\n', ' \n');
    for (const word of ['--array=1-3', '--time=4:00:00', '--gres=gpu:1', '--cpus-per-task=4'])
      expect(asked).toContain(` ${word} `);
    await jobs(30, 'queued');
    expect((await up('--sbatch=--constraint=avx2')).out).toMatch(/^Submitted 8 /);
    expect(await file('asked')).toMatch(/--array=1-8 .* --constraint=avx2\n$/);
  });

  test('submits none for jobs that its pilot jobs do not take', async () => {
    await jobs(2, 'queued', { provider: 'cuda' });
    await jobs(1, 'running', { kind: 'layer-map', provider: 'cuda' });
    expect((await up()).out).toMatch(
      /^Nothing submitted: 0 queued and 1 running; 2 more wait for a provider other than cpu, /,
    );
    expect((await up('--', '--provider', 'webgpu')).out).toMatch(/^Nothing .* cpu, webgpu, /);
    expect(await file('script')).toBe('');
    await onServer(url, `delete from jobs where kind = 'layer-map'`);
    await jobs(1, 'queued');
    expect((await up()).out).toMatch(/^Submitted 1 pilot job as .*: 1 queued .*; 2 more wait /);
    for (const words of [['--provider=cuda'], ['--max-cache', '9GiB', '--provider', 'auto']])
      expect((await up('--', ...words)).out).toMatch(/^Submitted 3 .*: 3 queued and 0 running\n$/);
  });

  test('tells nobody a secret: they are in a file that only its user reads', async () => {
    await jobs(1, 'queued');
    await up();
    const [script, asked] = [await file('script'), await file('asked')];
    for (const told of [script, asked])
      for (const word of ['s3cret', 'vk_the', 'hunter2']) expect(told).not.toContain(word);
    expect(asked).toContain('--export=NIL');
    const [, path] = /^environment='(.*)'$/m.exec(script) ?? [];
    const real = path.replaceAll(`'\\''`, "'");
    expect((await stat(real)).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'slurm', 'logs'))).mode & 0o777).toBe(0o700);
    const environment = await readFile(real, 'utf8');
    expect(environment).toContain('s3cret');
    expect(environment).not.toContain('hunter2');
  });

  test('its script runs the worker with the variables and the options that were given', async () => {
    await jobs(1, 'queued');
    await up('--', '--max-cache', '50GiB');
    const script = await file('script');
    const shown = script.replace(/^exec \S+ \S+/m, 'exec env printf "%s|" ');
    const run = await runScript(`${shown}\nenv`, { SLURM_CPUS_PER_TASK: '3' });
    expect(run).toBe(
      `worker|--threads|3|--until-empty|--drain-before|5m|--home|${home}|--max-cache|50GiB|`,
    );
    const printed = script.replace(/^exec .*/m, 'env');
    const lines = (await runScript(printed)).split('\n');
    expect(lines).toContain(`DATABASE_URL=${secret(url)}`);
    expect(lines).toContain("VENTRAL_KEY=vk_the'key");
    await rm(join(home, 'slurm'), { recursive: true });
    await expect(runScript(script)).rejects.toThrow(/--home must be on a file system/);
  });

  test('adds nothing where the pilot jobs that are there suffice', async () => {
    expect((await up()).out).toMatch(/^Nothing submitted: 0 queued/);
    await jobs(2, 'queued');
    await writeFile(join(folder, 'pilots'), '76_1|PENDING||0:00|4:00:00|Priority\n'.repeat(2));
    expect((await up()).out).toMatch(/^Nothing submitted: 2 queued .*2 pending/);
    expect(await file('script')).toBe('');
  });

  test.each([
    [['--max', '0'], /--max: expected a whole number from 1 to 1000/],
    [['--max', '2', '--time', 'tomorrow'], /--time: expected a time/],
    [['--max', '2', '--time', '5'], /--time 5 leaves no time for a job/],
    [['--max', '2', '--cpus', 'all'], /--cpus: expected/],
    [['--max', '2', '--mem', '8 G'], /--mem: expected/],
    [['--max', '2', '--', '--cached'], /ventral worker has no option --cached/],
    [['--max', '2', '--', '--provider', 'gpu'], /worker --provider: expected cpu, .* found "gpu"/],
    [['--max', '2', '--', '--provider'], /--provider <name>' argument missing/],
  ])('refuses %j before it submits', async (words, message) => {
    await jobs(1, 'queued');
    const { status, err } = await ventral('slurm', 'up', ...words);
    expect(status).toBe(2);
    expect(err).toMatch(message);
    expect(await file('asked')).toBe('');
  });

  test('says what Slurm says', async () => {
    await jobs(1, 'queued');
    await writeFile(join(folder, 'refuse'), '');
    expect(await up()).toMatchObject({
      status: 2,
      err: 'ventral: sbatch: sbatch: error: invalid partition specified: x\n',
    });
    await writeFile(join(folder, 'down'), '');
    expect(await up()).toMatchObject({
      status: 1,
      err: expect.stringMatching(/Unable to contact/),
    });
    process.env.PATH = join(folder, 'nothing');
    expect(await up()).toMatchObject({
      status: 2,
      err: expect.stringMatching(/no squeue on this/),
    });
  });

  test('shows without a database or a cluster what it would submit', async () => {
    process.env.DATABASE_URL = 'postgresql://u:s3cret@nowhere.example/v';
    const { status, out } = await up('--dry-run');
    expect(status).toBe(0);
    expect(out).toMatch(/^sbatch .*--array=1-8 .*\n#!\/bin\/sh\n/);
    expect(out).not.toContain('s3cret');
  });
});

test('ventral slurm status shows pilot jobs and the queue', async () => {
  await jobs(4, 'queued');
  const line = '77_2|PENDING||0:00|4:00:00|ReqNodeNotAvail, a|b';
  await writeFile(join(folder, 'pilots'), `77_1|RUNNING|n1|1:00|3:59:00|None\n${line}\n`);
  const { out, err } = await ventral('slurm', 'status');
  expect(out).toContain('77_1\tRUNNING\tn1\t1:00\t3:59:00\t\n');
  expect(out).toContain('ReqNodeNotAvail, a|b\n');
  expect(err).toMatch(
    /1 running, 1 pending, 0 other; queue: 4 queued and 0 running; active workers: 0/,
  );
  expect(JSON.parse((await ventral('slurm', 'status', '--json')).out)).toMatchObject({
    pilots: [{ id: '77_1' }, { id: '77_2' }],
    queue: { queued: 4, running: 0, workers: 0 },
  });
});

describe('ventral slurm down', () => {
  test('cancels the pilot jobs of this database alone, and removes their secrets', async () => {
    await jobs(2, 'queued');
    await up();
    await writeFile(
      join(folder, 'pilots'),
      '77_1|RUNNING|n1|1:00|1:00|None\n77_2|PENDING||0:00|1:00|x\n',
    );
    const { out } = await ventral('slurm', 'down');
    expect(out).toBe(
      'Cancelled 1 pilot jobs that had not started; 1 running ones hand their jobs back\n',
    );
    expect(await file('asked')).toMatch(/\nscancel --me --name=ventral-[0-9a-f]{8}\n$/);
    const [, path] = /^environment='(.*)'$/m.exec(await file('script')) ?? [];
    await expect(stat(path.replaceAll(`'\\''`, "'"))).rejects.toThrow('ENOENT');
  });

  test('lets running ones finish where that is asked, and ends those that could go on later', async () => {
    await jobs(9, 'queued');
    await up();
    const states = ['RUNNING', 'PENDING', 'CONFIGURING', 'SUSPENDED', 'COMPLETING', 'RUNNING'];
    const pilots = states.map((state, i) => `77_${i + 1}|${state}|n1|1:00|1:00|None\n`);
    await writeFile(join(folder, 'pilots'), pilots.join(''));
    const { out } = await ventral('slurm', 'down', '--drain');
    expect(await file('asked')).toMatch(
      /\nscancel 77_2 77_3 77_4\nscancel --batch --signal=USR2 77_1 77_6\n$/,
    );
    const [, path] = /^environment='(.*)'$/m.exec(await file('script')) ?? [];
    const environment = path.replaceAll(`'\\''`, "'");
    expect(out).toBe(
      `Cancelled 2 pilot jobs that had not started and 1 suspended ones; 2 running ones finish the job that they have
${environment} keeps DATABASE_URL and VENTRAL_KEY for them: run ventral slurm down once they have ended
`,
    );
    expect(await readFile(environment, 'utf8')).toContain('s3cret');
    await writeFile(join(folder, 'pilots'), '');
    expect((await ventral('slurm', 'down')).out).toMatch(/^Cancelled 0 .*\n$/);
    await expect(stat(environment)).rejects.toThrow('ENOENT');
  });
});

test('pilot jobs that wait or run count', () => {
  const depth = (queued: number, maps = 0) => ({ queued, others: 0, running: 0, maps });
  const pilot = (state: string) => ({ state }) as never;
  const [waits, runs, ends] = ['PENDING', 'RUNNING', 'COMPLETING'].map(pilot);
  expect(missing(depth(0), [], 8)).toBe(0);
  expect(missing(depth(5), [waits, pilot('CONFIGURING')], 8)).toBe(3);
  expect(missing(depth(5), [waits, runs, ends], 8)).toBe(4);
  expect(missing(depth(50), [waits, runs, ends], 8)).toBe(5);
  expect(missing(depth(0, 1), [runs], 8)).toBe(7);
  expect(missing(depth(50), Array(9).fill(runs), 8)).toBe(0);
});

/** What a script of sh prints. */
async function runScript(script: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script], {
    env: { PATH: before.PATH, ...more },
  });
  return stdout.trimEnd();
}
