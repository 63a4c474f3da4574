import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { faultsOf, parseContainerfile } from './containerfile.js';

const deploy = join(packageRoot, 'deploy');
const stages = parseContainerfile(readFileSync(join(deploy, 'Containerfile'), 'utf8'));
const [build, run] = stages;

const copied = (stage: typeof build) =>
  stage.instructions.filter(({ name }) => name === 'COPY').map(({ words }) => words.split(/\s+/));

describe('the Containerfile', () => {
  it('has no fault, and the linter finds those of another', () => {
    expect(faultsOf(stages)).toEqual([]);
    const bad = `FROM node
RUN npm install && \\
    apt-get install gcc
ADD http://a.example/b /
ENV A_SECRET=1
COPY . .
CMD node main.js`;
    expect(faultsOf(parseContainerfile(bad))).toHaveLength(11);
  });

  it('copies what is there, and makes what a volume is owned by', () => {
    for (const words of copied(build))
      for (const source of words.slice(0, -1))
        expect(existsSync(join(packageRoot, source)), source).toBe(true);
    const text = run.instructions.map(({ name, words }) => `${name} ${words}`).join('\n');
    const [volume] = /(?<=^VOLUME )\S+/m.exec(text) ?? [];
    const [user] = /(?<=^USER )\S+/m.exec(text) ?? [];
    expect(text).toContain(`VENTRAL_HOME=${volume}`);
    expect(text).toContain(`chown ${user} ${volume}`);
  });

  it('runs with nothing but what its last stage has', async () => {
    const image = await mkdtemp(join(tmpdir(), 'ventral-image-'));
    try {
      for (const words of copied(run).map((all) => all.slice(1)))
        for (const source of words.slice(0, -1).map((path) => path.replace('/opt/ventral/', ''))) {
          await mkdir(dirname(join(image, source)), { recursive: true });
          if (source === 'node_modules')
            await symlink(join(packageRoot, source), join(image, source));
          else await cp(join(packageRoot, source), join(image, source), { recursive: true });
        }
      const main = join(image, 'dist', 'program', 'cli', 'main.js');
      const words = (...more: string[]) => [main, ...more, '--home', join(image, 'home')];
      const doctor = await promisify(execFile)(process.execPath, words('doctor', '--json'));
      const { findings } = JSON.parse(doctor.stdout) as {
        findings: { check: string; state: string }[];
      };
      expect(findings.find(({ check }) => check === 'runtime')).toMatchObject({ state: 'ok' });
      const list = await promisify(execFile)(process.execPath, words('benchmarks', 'list'));
      expect(list.stdout).toContain('Simulated.V1-pls');
    } finally {
      await rm(image, { recursive: true, force: true });
    }
  });
});

/** As deploy/README.md and the unit say. */
const THRESHOLD = 3.0;

it('the systemd unit exposes no more than is said of it', ({ skip }) => {
  const unit = join(deploy, 'ventral.service');
  for (const file of [unit, join(deploy, 'README.md')])
    expect(readFileSync(file, 'utf8')).toContain(THRESHOLD.toFixed(1));
  const words = ['security', '--offline=true', '--no-pager', unit];
  const { status, stdout, error } = spawnSync('systemd-analyze', words, { encoding: 'utf8' });
  if (error) return skip('there is no systemd-analyze');
  expect(status).toBe(0);
  const [, level] = /Overall exposure level for ventral\.service: ([\d.]+)/.exec(stdout) ?? [];
  expect(Number(level)).toBeLessThanOrEqual(THRESHOLD);
});
