// Builds dist/: the compiled program, the browser application, the prepared database and simulated data.
//   node scripts/build.mjs [--if-changed]     with that, only where a source differs from what was built last
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'dist', '.built');

/** What the build reads; hidden files of npm say which packages are there. */
const sources = [
  ...['src', 'models', 'bench', 'scripts/build.mjs', 'tsconfig.json', 'vite.config.ts'],
  ...['openapi.yaml', 'package.json', 'node_modules/.package-lock.json'],
];
/** Without one of them the last build is not whole. */
const results = [
  ...['src/cli/main.js', 'web/index.html', 'web/docs.html', 'openapi.json', 'database'],
  ...['swagger-ui/swagger-ui-bundle.js'],
].map((path) => join(root, 'dist', path));

/** A digest of names, sizes and times of the sources: thousands of files in some hundredths of a second. */
function sourcesDigest() {
  const hash = createHash('sha256').update(process.version);
  const add = (path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    if (!found) return;
    if (found.isDirectory())
      for (const name of readdirSync(join(root, path)).sort()) add(`${path}/${name}`);
    else hash.update(`${path}\0${found.size}\0${found.mtimeMs}\0`);
  };
  for (const source of sources) add(source);
  return hash.digest('hex');
}

function isBuilt(digest) {
  if (!results.every((path) => existsSync(path))) return false;
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digest;
}

/** Runs a script of a package; what it says is shown. */
function run(...words) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, words, { cwd: root, stdio: ['ignore', 2, 2] });
    child.once('close', (status) => resolve(status ?? 1));
  });
}

async function compile() {
  const status = await run('node_modules/typescript/bin/tsc', '--build', 'tsconfig.json');
  const prepare = `const { prepareDatabase } = await import('./dist/src/store/database/prepare-database.js');
    await prepareDatabase();`;
  if (status) return status;
  const script = (text) => run('--input-type=module', '--eval', text);
  return Math.max(...(await Promise.all([prepare, ...simulated()].map(script))));
}

/** What makes simulated data; data that other sources made are removed. */
const generators = ['data/simulated', 'numerics/random', 'scoring/benchmark/simulated-data.js'];

/** Scripts that prepare the data of the default benchmarks. */
function simulated() {
  const folder = join(root, 'dist', 'simulated');
  const madeBy = join(folder, '.made-by');
  const hash = createHash('sha256').update(process.version);
  for (const source of generators) {
    const path = join(root, 'dist', 'src', source);
    const files = statSync(path).isDirectory()
      ? readdirSync(path).map((name) => join(path, name))
      : [path];
    for (const file of files.filter((name) => name.endsWith('.js')))
      hash.update(readFileSync(file));
  }
  const digest = hash.digest('hex');
  if (!existsSync(madeBy) || readFileSync(madeBy, 'utf8') !== digest) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(madeBy, digest);
  }
  return ['textures', 'objects-varied', 'objects-2afc'].map(
    (
      name,
    ) => `const { prepareSimulated } = await import('./dist/src/scoring/benchmark/simulated-data.js');
      await prepareSimulated('${name}', 2026);`,
  );
}

// Before it begins, so that a file that is changed meanwhile is built the next time.
const digest = sourcesDigest();
const ifChanged = process.argv.includes('--if-changed');
if (!ifChanged || !isBuilt(digest)) {
  if (ifChanged) console.error('Building ventral, half a minute the first time');
  rmSync(stamp, { force: true });
  const statuses = await Promise.all([
    compile(),
    run('node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn'),
  ]);
  process.exitCode = Math.max(...statuses);
  if (process.exitCode === 0) writeFileSync(stamp, digest);
}
