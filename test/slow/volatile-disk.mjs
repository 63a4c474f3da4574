/**
 * A disk that forgets at a power loss what was not synced, for a process that loads this before its program
 * (`--import`): VENTRAL_TEST_HOME is the folder that is watched, VENTRAL_TEST_DISK keeps what has reached the disk:
 * `<inode>`: the content of a file at its last sync; `log`: the names in folders at theirs, a line of JSON each.
 * As on ext4 and xfs, the sync of a new file brings the name that it was made under; renames and removals reach
 * the disk by the sync of their folder alone.
 */
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join, sep } from 'node:path';

const home = process.env.VENTRAL_TEST_HOME;
const disk = process.env.VENTRAL_TEST_DISK;
const { fsyncSync, fdatasyncSync, fsync, fdatasync } = fs;
/** Names that have reached the disk. */
const named = new Set();

const log = (line) => fs.appendFileSync(join(disk, 'log'), `${JSON.stringify(line)}\n`);

function kept(path, { ino } = fs.lstatSync(path)) {
  fs.copyFileSync(path, join(disk, `${ino}`));
  nameOf(path);
}

function nameOf(path) {
  if (path === home || named.has(path)) return;
  named.add(path);
  const found = fs.lstatSync(path);
  const folder = fs.lstatSync(dirname(path)).ino;
  log({
    folder,
    add: path.slice(dirname(path).length + 1),
    ino: found.ino,
    isFolder: found.isDirectory(),
  });
  nameOf(dirname(path));
}

function names(path) {
  const entries = fs.readdirSync(path, { withFileTypes: true }).map((entry) => {
    const full = join(path, entry.name);
    named.add(full);
    return { name: entry.name, ino: fs.lstatSync(full).ino, isFolder: entry.isDirectory() };
  });
  log({ folder: fs.lstatSync(path).ino, entries });
  nameOf(path);
}

function synced(descriptor) {
  const path = fs.readlinkSync(`/proc/self/fd/${descriptor}`);
  if ((path !== home && !path.startsWith(home + sep)) || path.endsWith(' (deleted)')) return;
  const found = fs.fstatSync(descriptor);
  if (found.isDirectory()) names(path);
  else if (found.isFile()) kept(path, found);
}

const after = (original) => (descriptor) => {
  original(descriptor);
  synced(descriptor);
};
const afterwards = (original) => (descriptor, done) =>
  original(descriptor, (error) => {
    if (!error) synced(descriptor);
    done(error);
  });
fs.fsyncSync = after(fsyncSync);
fs.fdatasyncSync = after(fdatasyncSync);
fs.fsync = afterwards(fsync);
fs.fdatasync = afterwards(fdatasync);
syncBuiltinESMExports();

const handle = await open(home, 'r');
const methods = Object.getPrototypeOf(handle);
await handle.close();
for (const name of ['sync', 'datasync']) {
  const original = methods[name];
  methods[name] = async function () {
    await original.call(this);
    synced(this.fd);
  };
}

// What is there at the start is on the disk.
(function all(path) {
  names(path);
  for (const entry of fs.readdirSync(path, { withFileTypes: true })) {
    const full = join(path, entry.name);
    if (entry.isDirectory()) all(full);
    else kept(full);
  }
  log({ root: fs.lstatSync(home).ino });
})(home);
