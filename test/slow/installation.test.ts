import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';

const run = promisify(execFile);

let folder: string;
let archive: string;

/** Without what npm gives the commands that it runs. */
const environment = () =>
  Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_|^VENTRAL_|^NODE_OPTIONS$/i.test(name)),
  );

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-installed-'));
  const pack = ['pack', '--ignore-scripts', '--pack-destination', folder];
  await run('npm', pack, { cwd: packageRoot, env: environment() });
  const [name] = (await readdir(folder)).filter((each) => each.endsWith('.tgz'));
  archive = join(folder, name);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it.each(['10', '11'])(
  'installs its archive into an empty prefix with npm %s, and scores from another folder',
  async (version) => {
    const prefix = join(folder, `prefix-${version}`);
    const elsewhere = join(folder, `elsewhere-${version}`);
    await mkdir(elsewhere);
    const options = { cwd: elsewhere, env: environment() };
    const install = ['install', '-g', '--ignore-scripts', '--prefix', prefix, archive];
    const { stderr } = await run('npx', ['--yes', `npm@${version}`, ...install], options);
    expect(warnings(stderr)).toEqual([]);
    const env = { ...options.env, VENTRAL_HOME: join(folder, `home-${version}`) };
    const words = ['score', 'pixels', '--benchmark', 'Simulated.V1-pls', '--json'];
    const scored = await run(join(prefix, 'bin', 'ventral'), words, { ...options, env });
    expect(JSON.parse(scored.stdout)[0].value).toBeGreaterThan(0);
    const npx = ['--yes', `npm@${version}`, 'exec', '--', 'ventral', '--version'];
    const asked = await run('npx', npx, { ...options, env: { ...env, npm_config_prefix: prefix } });
    const { version: ours } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'));
    expect(asked.stdout.trim()).toBe(ours);
    // npm 11 warns of settings of the machine that it does not know.
    expect(warnings(asked.stderr).filter((line) => !/Unknown \w+ config/.test(line))).toEqual([]);
  },
);

it.each(['10', '11'])(
  '`npm ci` of the checkout is without a warning with npm %s',
  async (version) => {
    const checkout = join(folder, `checkout-${version}`);
    await mkdir(checkout);
    for (const name of ['package.json', 'package-lock.json', '.npmrc', 'vendor'])
      await cp(join(packageRoot, name), join(checkout, name), { recursive: true });
    const words = ['--yes', `npm@${version}`, 'ci', '--dry-run'];
    const { stderr } = await run('npx', words, { cwd: checkout, env: environment() });
    expect(warnings(stderr)).toEqual([]);
  },
);

it('brings its documents, and the images in them', async () => {
  const { stdout } = await run('tar', ['-tzf', archive]);
  const files = new Set(stdout.split('\n'));
  const wanted = ['docs/terms.md', 'docs/images/leaderboard-wide-light.png', 'dist/web/docs.html'];
  for (const file of [...wanted, 'README.md', 'CONTRIBUTING.md', 'SECURITY.md'])
    expect(files).toContain(`package/${file}`);
});

it('asks for the Node that the README names', async () => {
  const readme = await readFile(join(packageRoot, 'README.md'), 'utf8');
  const { engines } = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8'));
  expect(readme).toContain(`Node ${engines.node.replace('>=', '')} or later`);
});

/** Lines of npm that warn. */
const warnings = (stderr: string) => stderr.split('\n').filter((line) => /warn/i.test(line));
