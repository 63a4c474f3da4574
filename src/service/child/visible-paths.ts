import { existsSync, lstatSync, realpathSync, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, sep } from 'node:path';
import { packageRoot } from '../../formats/package-root.js';

/** Files and folders of a child's task. */
export interface TaskPaths {
  /** Files and folders that it only reads; missing ones are skipped. */
  readonly reads: readonly string[];
  /** Folders that it writes, created if missing. They may contain files of the read-only list. */
  readonly writes: readonly string[];
  /** Device files beside those of every child; missing ones are skipped. */
  readonly devices?: readonly string[];
}

/** How a child sees a path. `code` can be read and executed; `device` read and written. */
export type PathAccess = 'code' | 'read' | 'write' | 'device';

/** A path as a child sees it. */
export interface VisiblePath {
  readonly path: string;
  readonly access: PathAccess;
  readonly folder: boolean;
  /** Owner in the file system, to which the user of the child is mapped. */
  readonly owner: { readonly uid: number; readonly gid: number; readonly device: number };
}

/** What programs of any system need. */
const systemFolders = [
  ...['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/nix/store', '/gnu/store'],
  ...['/etc/ld.so.cache', '/etc/alternatives', '/etc/localtime', '/sys/devices/system/cpu'],
];
const devices = ['null', 'zero', 'full', 'random', 'urandom'].map((name) => `/dev/${name}`);
/** What ventral itself reads of its package. */
const packageParts = [
  ...['dist', 'package.json', 'package-lock.json', 'openapi.yaml', 'LICENSE', 'models'],
  ...['benchmarks', join('src', 'submission', 'templates')],
];

/** Symbolic links of the root folder that programs go through, such as `/bin` to `usr/bin`. */
export function systemLinks(): string[] {
  return systemFolders.filter(
    (path) => dirname(path) === sep && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink(),
  );
}

/**
 * Everything that a child sees, folders before their contents: the system's programs, node, the code and the data
 * of this package, what its task names, and its own folder.
 * @param code files and folders of programs beside those of the system
 */
export function visiblePaths(
  code: readonly string[],
  own: string,
  { reads, writes, devices: more = [] }: TaskPaths,
): VisiblePath[] {
  const links = new Set(systemLinks());
  const libraries = (process.env.LD_LIBRARY_PATH ?? '').split(delimiter).filter(isAbsolute);
  const programs = [
    ...systemFolders.filter((path) => !links.has(path)),
    ...packageParts.map((name) => join(packageRoot, name)),
    ...moduleFolders(packageRoot),
    ...[process.execPath, realpathSync(process.execPath), ...libraries, ...code],
  ];
  const found = new Map<string, VisiblePath>();
  const add = (paths: readonly string[], access: PathAccess) => {
    for (const path of paths) {
      const entry = statSync(path, { throwIfNoEntry: false });
      if (!entry) continue;
      const owner = { uid: entry.uid, gid: entry.gid, device: entry.dev };
      found.set(path, { path, access, folder: entry.isDirectory(), owner });
    }
  };
  add(programs, 'code');
  add([...devices, ...more], 'device');
  add(writes, 'write');
  add(reads, 'read');
  add([own], 'write');
  return [...found.values()]
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .filter(({ path, access }) => !isCovered(path, access, found));
}

/** Where modules of a package are looked for. */
function moduleFolders(folder: string): string[] {
  const here = join(folder, 'node_modules');
  const above = dirname(folder) === folder ? [] : moduleFolders(dirname(folder));
  return existsSync(here) ? [here, ...above] : above;
}

/** Whether the nearest folder above that is visible gives the same access. */
function isCovered(
  path: string,
  access: PathAccess,
  found: ReadonlyMap<string, VisiblePath>,
): boolean {
  for (let above = dirname(path); above !== dirname(above); above = dirname(above)) {
    const folder = found.get(above);
    if (folder) return folder.access === access;
  }
  return false;
}
