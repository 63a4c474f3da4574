// Builds dist/: the compiled program and its bundle, the browser application, the prepared database, compiled schemas and
// simulated data.
//   node scripts/build.mjs [--if-changed]     with that, only where a source differs from what was built last
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
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
  ...[
    'src',
    'models',
    'benchmarks',
    'bench',
    'scripts/build.mjs',
    'scripts/bundle.mjs',
    'scripts/prepare-checks.mjs',
    'tsconfig.json',
    'vite.config.ts',
  ],
  ...['openapi.yaml', 'package.json', 'node_modules/.package-lock.json'],
];
/** Without one of them the last build is not whole. */
const results = [
  ...['program/cli/main.js', 'web/index.html', 'web/docs.html', 'openapi.json', 'database'],
  'checks/values.json',
  ...['swagger-ui/swagger-ui-bundle.js'],
].map((path) => join(root, 'dist', path));

/** What the generators of simulated data and their files are made by. */
const generators = [
  'src/data',
  'src/formats',
  'src/numerics/random',
  'src/numerics/statistics/normal.ts',
];

/** A digest of names, sizes and times of files: thousands of them in some hundredths of a second. */
function digestOf(paths) {
  const hash = createHash('sha256').update(process.version);
  const add = (path) => {
    const found = statSync(join(root, path), { throwIfNoEntry: false });
    if (!found) return;
    if (found.isDirectory())
      for (const name of readdirSync(join(root, path)).sort()) add(`${path}/${name}`);
    else hash.update(`${path}\0${found.size}\0${found.mtimeMs}\0`);
  };
  for (const path of paths) add(path);
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

/** Where the data of generators lie in the home that others copy them from. */
const made = join(root, 'dist', 'prepared', 'cache', 'simulated');

async function compile() {
  // Types are checked by `npm run typecheck`, which takes longer than all of this.
  const status = await run(
    'node_modules/typescript/bin/tsc',
    ...['--build', 'tsconfig.json', '--noCheck'],
  );
  const prepare = `const { prepareDatabase } = await import('./dist/src/store/database/prepare-database.js');
    await prepareDatabase();`;
  if (status) return status;
  const script = (text) => run('--input-type=module', '--eval', text);
  const failed = Math.max(
    ...(await Promise.all([
      ...['scripts/prepare-checks.mjs', 'scripts/bundle.mjs'].map((path) => run(path)),
      ...[prepare, ...simulated()].map(script),
    ])),
  );
  if (failed) return failed;
  // Whoever runs what another user has built reads them, too.
  for (const name of readdirSync(made)) chmodSync(join(made, name), 0o755);
  return 0;
}

/** Scripts that generate the data of the default benchmarks, for homes to copy; none of other generators stay. */
function simulated() {
  const home = join(root, 'dist', 'prepared');
  const madeBy = join(home, 'made-by');
  const digest = digestOf(generators);
  if (!existsSync(madeBy) || readFileSync(madeBy, 'utf8') !== digest) {
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home, { recursive: true });
    writeFileSync(madeBy, digest);
  }
  return ['textures', 'objects-varied', 'objects-2afc'].map(
    (
      name,
    ) => `const { simulatedFiles } = await import('./dist/src/scoring/benchmark/simulated-data.js');
    await simulatedFiles('dist/prepared', '${name}', 2026);`,
  );
}

// Before it begins, so that a file that is changed meanwhile is built the next time.
const digest = digestOf(sources);
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
