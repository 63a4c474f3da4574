import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
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
    // pg-boss asks for a later Node than it needs; it is tested with this one.
    const engines = [...stderr.matchAll(/package: '(.+?)@/g)].map(([, name]) => name);
    expect(engines.filter((name) => name !== 'pg-boss')).toEqual([]);
    expect(
      stderr.split('\n').filter((line) => /warn/i.test(line) && !/EBADENGINE/.test(line)),
    ).toEqual([]);
    const env = { ...options.env, VENTRAL_HOME: join(folder, `home-${version}`) };
    const words = ['score', 'pixels', '--benchmark', 'Simulated.V1-pls', '--json'];
    const scored = await run(join(prefix, 'bin', 'ventral'), words, { ...options, env });
    expect(JSON.parse(scored.stdout)[0].value).toBeGreaterThan(0);
  },
);
