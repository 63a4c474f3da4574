import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { chmod, chown, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';
import { confinement } from '../../src/service/child/confinement.js';
import { expectConfined, hijacked } from '../service/hijack.js';

const USER = 61_234;
const asRoot = process.getuid?.() === 0;
const main = join(packageRoot, 'dist', 'program', 'cli', 'main.js');

/** What confining and trying to break out runs. */
const programs = [
  ...['sh', 'mkdir', 'cp', 'cat', 'sleep', 'true', 'setsid', 'nsenter', 'nice', 'prlimit'],
  ...['unshare', 'mount', 'umount', 'setpriv', 'id'],
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-hijack-'));
  await chmod(folder, 0o755);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const found = (name: string) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((place) => join(place, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

/** A PATH without some programs, and with a `setpriv` that does not know some options. */
async function pathWithout(lacking: readonly string[], unknown: readonly string[]) {
  const place = await mkdtemp(join(folder, 'path-'));
  await chmod(place, 0o755);
  for (const name of programs.filter((each) => !lacking.includes(each))) {
    const program = found(name);
    if (!program) continue;
    const path = join(place, name);
    if (name !== 'setpriv' || unknown.length === 0) await symlink(program, path);
    else {
      const refuse = unknown.map((option) => `*" ${option}"*) exit 1;;`).join(' ');
      await writeFile(path, `#!/bin/sh\ncase " $*" in ${refuse} esac\nexec ${program} "$@"\n`, {
        mode: 0o755,
      });
    }
  }
  return place;
}

const somebody = [
  ...['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups', '--inh-caps=-all', '--'],
];
const users: [name: string, words: string[]][] = asRoot
  ? [
      ['root', []],
      ['somebody', somebody],
    ]
  : [['the user of this test', []]];

const lacks = [
  ['nothing', [], []],
  ['unshare', ['unshare'], []],
  ['mount', ['mount'], []],
  ['setpriv', ['setpriv'], []],
  ['Landlock', [], ['--landlock']],
  ['Landlock and namespaces', ['unshare'], ['--landlock']],
  ['seccomp', [], ['--seccomp']],
  ['all of it', ['unshare', 'setpriv', 'prlimit'], []],
] as const;

describe.each(users)('of a service of %s', (_user, words) => {
  it.each(lacks)(
    'a hijacked child gets no further than the system allows that lacks %s, and doctor says so',
    async (_, lacking, unknown) => {
      const path = await pathWithout(lacking, unknown);
      const home = await mkdtemp(join(folder, 'home-'));
      if (words.length > 0) await chown(home, USER, USER);
      const run = words.length > 0 ? [found('setpriv') as string, ...words.slice(1)] : [];
      const came = await hijacked(home, run, path);
      expectConfined(came);
      const { layers } = came;
      const here = await confinement(folder);
      // What is not taken away holds as it does without a reduced PATH.
      const intact = (name: string) => !(lacking as readonly string[]).includes(name);
      const knows = (option: string) => !(unknown as readonly string[]).includes(option);
      const setprivs = here.privileges && intact('setpriv') ? here.privileges : undefined;
      expect({ root: layers.root, landlock: layers.landlock, filter: layers.filter }).toEqual({
        root:
          here.namespaces?.root !== undefined &&
          ['setpriv', 'unshare', 'mount'].every((name) => intact(name)),
        landlock: setprivs?.landlock === true && knows('--landlock'),
        filter: setprivs?.filter !== undefined && knows('--seccomp'),
      });

      const told = await doctor(join(home, 'none'), run, path);
      const { root, landlock, filter, setpriv, network } = layers;
      expect(told).toEqual([
        !(lacking as readonly string[]).includes('prlimit'),
        network || filter,
        root || landlock,
        root,
        setpriv,
        filter,
        ...(asRoot && words.length === 0 ? [false] : []),
      ]);
    },
    120_000,
  );
});

/** Whether each sentence of doctor about isolation is good news. */
async function doctor(home: string, run: readonly string[], path: string): Promise<boolean[]> {
  const words = [...run, process.execPath, main, 'doctor', '--json', '--home', home];
  const { stdout } = await promisify(execFile)(words[0], words.slice(1), {
    env: { ...process.env, PATH: path },
  });
  const { findings } = JSON.parse(stdout) as { findings: { check: string; state: string }[] };
  return findings.filter(({ check }) => check === 'isolation').map(({ state }) => state === 'ok');
}
