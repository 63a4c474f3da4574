import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { program } from '../../src/cli/command-line.js';
import { packageRoot } from '../../src/formats/package-root.js';

const deploy = join(packageRoot, 'deploy');
const read = (name: string) => readFileSync(join(deploy, name), 'utf8');
const units = readdirSync(deploy).filter((name) => /\.(?:service|timer)$/.test(name));
const services = units.filter((name) => name.endsWith('.service'));

/** Runs systemd-analyze on a copy of a unit whose programs exist here. */
function analyze(unit: string, words: readonly string[], skip: (why: string) => void): string {
  const folder = mkdtempSync(join(tmpdir(), 'ventral-units-'));
  try {
    for (const name of units)
      writeFileSync(
        join(folder, name),
        read(name)
          .replaceAll('/usr/bin/node', process.execPath)
          .replace(/^User=.*\nGroup=.*$/m, ''),
      );
    const all = [...words, join(folder, unit)];
    const run = spawnSync('systemd-analyze', all, { encoding: 'utf8' });
    if (run.error) skip('there is no systemd-analyze');
    return `${run.status}\n${run.stdout}${run.stderr}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('there are units of the service, of a worker, and of the submission of pilot jobs', () => {
  expect(units.toSorted()).toEqual([
    'ventral-slurm.service',
    'ventral-slurm.timer',
    'ventral-worker.service',
    'ventral.service',
  ]);
});

for (const unit of units)
  test(`${unit} is what systemd expects`, ({ skip }) => {
    const said = analyze(unit, ['verify', '--man=no', '--recursive-errors=no'], skip);
    // A container lacks parts of systemd, which is no fault of the unit.
    const own = said.split('\n').filter((line) => line.includes(unit));
    expect(own).toEqual([]);
  });

test.each(services)('%s runs a command that exists, with its options', (unit) => {
  const [, line] =
    /^ExecStart=\/usr\/bin\/node (?:--v8-pool-size=1 )?\/opt\/ventral\/dist\/program\/cli\/main\.js (.*)$/m.exec(
      read(unit),
    ) ?? [];
  const ventral = program({ out() {}, err() {}, interactive: false, color: false });
  let command = ventral;
  let words = line.split(' ');
  for (;;) {
    const next = command.commands.find((each) => each.name() === words[0]);
    if (!next) break;
    command = next;
    words = words.slice(1);
  }
  expect(command).not.toBe(ventral);
  const known = [...command.options, ...ventral.options].map(({ long }) => long);
  for (const word of words.filter((each) => each.startsWith('-'))) expect(known).toContain(word);
});

test('no unit has a secret: they are in the file of the environment', () => {
  for (const unit of services) {
    expect(read(unit)).toMatch(/^EnvironmentFile=-?\/etc\/ventral\/environment$/m);
    expect(read(unit)).not.toMatch(/^Environment=.*(?:DATABASE_URL|VENTRAL_KEY|SECRET)/m);
  }
});

test('a worker is confined as the service is, and has the time to hand its jobs back', () => {
  const settings = (name: string) =>
    new Set(
      read(name)
        .split('\n')
        .filter((line) =>
          /^(?:Protect|Restrict|Private|System|NoNew|Capab|Ambient|Lock|Remove|Keyring|Kill|OOM|Limit|Tasks|UMask)/.test(
            line,
          ),
        ),
    );
  expect(settings('ventral-worker.service')).toEqual(settings('ventral.service'));
  expect(
    Number(/^TimeoutStopSec=(\d+)$/m.exec(read('ventral-worker.service'))?.[1]),
  ).toBeGreaterThan(10);
});
