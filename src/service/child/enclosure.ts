import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import type { Confinement, Privileges, RootPrograms } from './mechanisms.js';
import { systemLinks, type TaskPaths, type VisiblePath, visiblePaths } from './visible-paths.js';

/** A command to be enclosed. */
export interface Enclosed {
  /** Empty folder for what belongs to this command: its own folder, and how it is entered. */
  readonly folder: string;
  /** Most bytes of its data segment. */
  readonly limit?: number;
  /** Its words, node first. */
  readonly command: readonly string[];
  /** The module that it runs. */
  readonly script: string;
  readonly paths: TaskPaths;
}

/**
 * Prepares a command that can access only what it needs, as far as the system supports that. With a mount
 * namespace it has a private root folder with its files at their usual paths, writable only where needed; Landlock
 * allows the same paths in addition, or alone.
 * @returns the words that run it, and the folder that it runs in, which is empty
 */
export async function enclose(
  confinement: Confinement,
  { folder, limit, command, script, paths }: Enclosed,
): Promise<{ readonly words: readonly string[]; readonly own: string }> {
  const own = join(folder, 'own');
  await mkdir(own, { mode: 0o700 });
  for (const path of paths.writes) await mkdir(path, { recursive: true });
  const { limiter, namespaces, privileges, later } = confinement;
  const filter = join(folder, 'filter');
  if (privileges?.filter) await writeFile(filter, privileges.filter);
  const reads = privileges?.filter ? [...paths.reads, filter] : paths.reads;
  const root = namespaces?.root;
  const programs = [limiter, privileges?.program, root?.mount, root?.umount];
  const code = [dirname(script), ...programs.filter((path) => path !== undefined)];
  const visible = visiblePaths(code, own, { ...paths, reads });
  const limits = limiter && limit ? [limiter, `--data=${limit}`, '--core=0', '--'] : [];
  const inside = [
    ...limits,
    ...(privileges ? deprivileged(privileges, { confinement, visible, filter }) : []),
    ...(root || privileges?.landlock ? withoutSystemFiles(command) : command),
  ];
  if (!root) return { words: [...later, ...(namespaces?.words ?? []), ...inside], own };
  const entrance = await writeEntrance(root, {
    folder,
    visible,
    user: namespaces.user,
    inside,
  });
  const ending = privileges ? [privileges.program, '--pdeathsig', 'KILL', '--'] : [];
  return {
    words: [...later, ...ending, ...namespaces.words, root.sh, entrance],
    own,
  };
}

/**
 * Options that keep node from reading the system: the heap limit of this process, which may see its cgroup, and no
 * OpenSSL configuration.
 */
function withoutSystemFiles([node, ...words]: readonly string[]): string[] {
  const mebibytes = Math.floor(getHeapStatistics().heap_size_limit / 2 ** 20);
  return [node, '--openssl-config=/dev/null', `--max-old-space-size=${mebibytes}`, ...words];
}

/** Words of `setpriv` for a command in a confinement. */
function deprivileged(
  { program, capabilities, landlock, filter }: Privileges,
  place: {
    readonly confinement: Confinement;
    readonly visible: readonly VisiblePath[];
    readonly filter: string;
  },
): string[] {
  const { namespaces } = place.confinement;
  const { root, user } = namespaces ?? {};
  const drops = capabilities || root !== undefined;
  return [
    program,
    '--no-new-privs',
    ...(drops ? ['--bounding-set=-all', '--inh-caps=-all'] : []),
    ...(user ? [`--reuid=${user}`, `--regid=${user}`, '--clear-groups'] : []),
    ...(landlock ? rules(place.visible, root !== undefined) : []),
    ...(filter ? ['--seccomp-filter', place.filter] : []),
    '--',
  ];
}

/** Rights of Landlock by access, of files and of folders (landlock(7)). */
const rights = {
  code: { file: 'execute,read-file', folder: 'execute,read-file,read-dir' },
  read: { file: 'read-file', folder: 'read-file,read-dir' },
  device: { file: 'read-file,write-file', folder: 'read-dir' },
  write: {
    file: 'read-file,write-file,truncate',
    folder:
      'read-file,write-file,truncate,read-dir,make-reg,make-dir,make-sym,make-fifo,make-sock,remove-file,remove-dir,refer',
  },
} as const;

/** Files of /proc that a process may read; all of /proc if it sees no other processes. */
const system = {
  alone: ['/proc'],
  amongOthers: [
    ...['self', 'cpuinfo', 'meminfo', 'stat', 'version', 'uptime', 'loadavg', 'filesystems'],
    ...['sys/vm/overcommit_memory', 'sys/kernel/osrelease', 'sys/kernel/random/boot_id'],
  ].map((name) => `/proc/${name}`),
};

/** Of /proc, where the driver of NVIDIA says what there is. */
const DRIVERS = '/proc/driver';

function rules(visible: readonly VisiblePath[], alone: boolean): string[] {
  const drivers = visible.some(({ path }) => path.startsWith('/dev/nvidia')) ? [DRIVERS] : [];
  const others = [...system.amongOthers, '/sys/fs/cgroup', ...drivers];
  const machine = (alone ? system.alone : others).map((path) => {
    const folder = ['/proc', '/proc/self', '/sys/fs/cgroup', DRIVERS].includes(path);
    return `path-beneath:${rights.read[folder ? 'folder' : 'file']}:${path}`;
  });
  const own = visible.map(
    ({ path, access, folder }) =>
      `path-beneath:${rights[access][folder ? 'folder' : 'file']}:${path}`,
  );
  return [
    ...['--landlock-access', 'fs'],
    ...[...machine, ...own].flatMap((rule) => ['--landlock-rule', rule]),
  ];
}

/** Writes the script by which a command enters its root folder. @returns the script */
async function writeEntrance(
  { mount, umount, pivot }: RootPrograms,
  {
    folder,
    visible,
    user,
    inside,
  }: {
    readonly folder: string;
    readonly visible: readonly VisiblePath[];
    readonly user: number | undefined;
    readonly inside: readonly string[];
  },
): Promise<string> {
  const [script, table, root] = ['enter', 'mounts', 'root'].map((name) => join(folder, name));
  await mkdir(root);
  const home = visible.find(({ path }) => path === join(folder, 'own')) as VisiblePath;
  const mounts = visible.map((each) => mountOf(each, root, { user, device: home.owner.device }));
  const proc = `${escaped('/proc')} ${escaped(join(root, 'proc'))} none bind,ro,nosuid,nodev,noexec 0 0`;
  await writeFile(table, `${[...mounts, proc].join('\n')}\n`);
  const folders = visible.map(({ path, folder }) => (folder ? path : dirname(path)));
  const files = visible.filter((each) => !each.folder).map(({ path }) => path);
  const links = systemLinks();
  const at = (path: string) => quoted(join(root, path));
  await writeFile(
    script,
    [
      // Before /proc cannot be written: where the system lacks memory, a child goes before the service.
      'echo 1000 > /proc/self/oom_score_adj',
      'set -e',
      'umask 022',
      `${mount} -t proc -o nosuid,nodev,noexec proc /proc`,
      `${mount} -t tmpfs -o mode=755,nosuid,nodev,size=8m ventral ${quoted(root)}`,
      `mkdir -p ${['/proc', '/.before', ...folders].map(at).join(' ')}`,
      ...files.map((path) => `: > ${at(path)}`),
      ...(links.length > 0 ? [`cp -P ${links.map(quoted).join(' ')} ${quoted(root)}`] : []),
      `${mount} -a -T ${quoted(table)}`,
      'umask 077',
      `cd ${quoted(root)}`,
      `${pivot} . .before`,
      `${umount} -l /.before`,
      `${mount} -o remount,bind,ro /`,
      `cd ${quoted(join(folder, 'own'))}`,
      'unset OLDPWD',
      // Not the last command: the shell stays as the first process, which others end with and signals do not reach.
      inside.map(quoted).join(' '),
      'exit $?',
      '',
    ].join('\n'),
  );
  return script;
}

/** A line of fstab(5). Owners are mapped to the user of the child in the file system that is known to do it. */
function mountOf(
  { path, access, folder, owner }: VisiblePath,
  root: string,
  { user, device }: { readonly user: number | undefined; readonly device: number },
): string {
  const mapped = user !== undefined && access !== 'code' && owner.device === device;
  const options = [
    // In a user namespace a bind mount must be recursive; an id-mapped mount must not.
    folder && !mapped ? 'rbind' : 'bind',
    access === 'write' || access === 'device' ? 'rw' : 'ro',
    ...(access === 'device' ? [] : ['nosuid', 'nodev']),
    ...(mapped && access !== 'device'
      ? [`X-mount.idmap=u:${owner.uid}:${user}:1 g:${owner.gid}:${user}:1`]
      : []),
  ];
  return `${escaped(path)} ${escaped(join(root, path))} none ${escaped(options.join(','))} 0 0`;
}

/** A field of fstab(5). */
const escaped = (text: string) =>
  text.replaceAll(
    /[\s\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );

/** A word of sh. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
