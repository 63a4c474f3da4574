import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';

const IMAGE = 'ventral-test';

it('the image is built, and runs on a root file system that is read alone', ({ skip }) => {
  const builder = ['podman', 'docker'].find((name) => spawnSync(name, ['info']).status === 0);
  if (!builder) return skip('there is no podman or docker that works');
  const run = (...words: string[]) =>
    spawnSync(builder, words, { cwd: packageRoot, encoding: 'utf8' });
  const built = run('build', '-f', 'deploy/Containerfile', '-t', IMAGE, '.');
  expect(built.status, built.stderr).toBe(0);
  const limits = ['--read-only', '--tmpfs', '/tmp', '--cap-drop=all'];
  const doctor = run('run', '--rm', ...limits, '--security-opt=no-new-privileges', IMAGE, 'doctor');
  expect(doctor.status, doctor.stderr).toBe(0);
  expect(doctor.stdout).toMatch(/^ok\truntime/m);
});
