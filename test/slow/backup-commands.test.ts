import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import S3rver from 's3rver';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runVentral } from '../cli/run-ventral.js';
import { oraclePath } from '../oracle.js';

let root: string;
const at = (name: string) => join(root, name);
let bucket: S3rver;
const model = oraclePath('09-end-to-end/resnet/model.onnx');
const before = { ...process.env };

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-backup-command-'));
  bucket = new S3rver({
    address: '127.0.0.1',
    port: 0,
    silent: true,
    directory: at('buckets'),
    configureBuckets: ['first', 'second'].map((name) => ({ name, configs: [] as const })),
    resetOnClose: true,
  });
  const { port } = await bucket.run();
  // Commands are processes of their own, which take what is said here.
  Object.assign(process.env, {
    AWS_ACCESS_KEY_ID: 'S3RVER',
    AWS_SECRET_ACCESS_KEY: 'S3RVER',
    VENTRAL_S3_BUCKET: 'first',
    VENTRAL_S3_ENDPOINT: `http://127.0.0.1:${port}`,
  });
});
afterAll(async () => {
  process.env = before;
  await bucket.close();
  rmSync(root, { recursive: true, force: true });
});

const objects = (name: string) =>
  readdirSync(at(`buckets/${name}`), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.includes('.onnx'))
    .map((path) => /[0-9a-f]{64}/.exec(path)?.[0]);

describe('ventral backup and ventral restore', () => {
  test('bring a home, a file that is in the bucket alone, and fill another bucket', async () => {
    const added = await runVentral(at('home'), 'models', 'add', model);
    expect([added.status, added.err]).toEqual([0, expect.stringMatching(/^Registered model/)]);
    const [folder] = readdirSync(at('home/models'));
    expect(objects('first')).toContain(folder);
    rmSync(at(`home/models/${folder}`), { recursive: true });

    const backup = await runVentral(at('home'), 'backup', at('lab.zip'));
    expect(backup).toMatchObject({ status: 0, out: '' });
    expect(backup.err).toMatch(
      /^Wrote .*lab\.zip \(.*\); it contains hashes of keys: keep it private\n$/,
    );

    process.env.VENTRAL_S3_BUCKET = 'second';
    const restored = await runVentral(at('new'), 'restore', at('lab.zip'));
    expect(restored).toMatchObject({ status: 0, out: '' });
    expect(restored.err).toMatch(
      /^Restored 1 models \(1 files\), 0 benchmarks \(0 archives\) and 0 jobs/,
    );
    expect(objects('second')).toContain(folder);
    const shown = await runVentral(at('new'), 'models', 'list', '--json');
    expect(JSON.parse(shown.out).registered).toMatchObject([{ digest: `sha256:${folder}` }]);
    expect(readFileSync(at(`new/models/${folder}/model.onnx`))).toEqual(readFileSync(model));
  });

  test('a bucket that is not there leaves nothing restored', async () => {
    process.env.VENTRAL_S3_BUCKET = 'nowhere';
    const { status, err } = await runVentral(at('none'), 'restore', at('lab.zip'));
    expect(status).not.toBe(0);
    expect(err).toMatch(/^ventral: Writing sha256:\w+ to the bucket nowhere failed/);
    expect(existsSync(at('none/db'))).toBe(false);
    // Of the home's lock its file and the number of the last owner stay, and nothing else.
    expect(readdirSync(at('none/owner')).toSorted()).toEqual(['1.claim', 'lock']);
    expect(readdirSync(at('none')).filter((name) => !['tmp', 'owner'].includes(name))).toEqual([]);
  });

  test('an existing file, a missing one and one that is no backup are refused in one line', async () => {
    process.env.VENTRAL_S3_BUCKET = '';
    writeFileSync(at('text.zip'), 'no archive');
    for (const [words, said] of [
      [['backup', at('lab.zip')], 'exists already'],
      [['restore', at('absent.zip')], 'does not exist'],
      [['restore', at('text.zip')], 'text.zip'],
    ] as const) {
      const { status, out, err } = await runVentral(at('other'), ...words);
      expect([status, out]).toEqual([2, '']);
      expect(err).toContain(said);
      expect(err.trim().split('\n')).toHaveLength(1);
    }
  });
});
