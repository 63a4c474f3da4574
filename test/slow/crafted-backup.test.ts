import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openZip, writeZip } from '../../src/formats/zip.js';
import { saveBackup } from '../../src/service/access/backup-access.js';
import { restoreBackup } from '../../src/service/backup/restore-backup.js';
import { SCHEMA } from '../../src/store/database/migrations.js';
import { uploadBenchmark } from '../service/hostile-service.js';
import { card, network, runningService, suiteEngine } from '../service/running-service.js';
import { emptyPlace, removePlace } from '../store/engines.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-crafted-'));
  const service = await runningService({ concurrency: 0 });
  const file = { name: 'file', filename: 'a.onnx', content: await network() };
  const model = await service.upload([file, { name: 'card', content: await card() }]);
  const benchmarks = [await uploadBenchmark(service)];
  const job = await service.post('/v1/scores', { model: model.body.id, benchmarks });
  expect(job.status).toBe(202);
  const made = await saveBackup(service.place, join(folder, 'real.zip'));
  expect(made).toBeDefined();
  await service.stop();
});
afterAll(() => rm(folder, { recursive: true }));

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');
const of = (name: string, text: string) => {
  const data = Buffer.from(text);
  return { name, data, entry: { name, size: data.length, digest: `sha256:${sha256(data)}` } };
};
const table = (name: string, rows: readonly object[], as = name) => {
  const made = of(`tables/${as}.ndjson`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return { ...made, entry: { ...made.entry, table: name, rows: rows.length } };
};
const rowsOf = async (name: string): Promise<object[]> => {
  const path = join(folder, 'real.zip');
  const zip = await openZip(path, path);
  const text = (await zip.read(`tables/${name}.ndjson`)).toString('utf8');
  await zip.close();
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line));
};
const bytes = of('', 'bytes');
const hex = sha256(bytes.data);
const other = 'a'.repeat(64);

/** Restores an archive that a stranger has made, and gives the refusal. */
async function refusal(
  files: readonly { readonly name: string; readonly data: Buffer }[],
  manifest: object,
): Promise<string> {
  const path = join(folder, 'backup.zip');
  const whole = { format: 1, ventral: '0', schema: SCHEMA, createdAt: '2026-01-01T00:00:00Z' };
  const none = { tables: [], models: [], benchmarks: [] };
  const text = of('manifest.json', JSON.stringify({ ...whole, ...none, ...manifest }));
  await writeZip(
    path,
    [text, ...files].map(({ name, data }) => ({ name, data, compress: true })),
  );
  const place = await emptyPlace(suiteEngine, 'ventral-crafted-home-');
  try {
    const restored = restoreBackup(path, place, { skipDamaged: false, unpack: async () => {} });
    const error = await restored.then(
      () => undefined,
      (thrown) => thrown,
    );
    expect((await readdir(place.home)).filter((name) => /models|benchmarks|db/.test(name))).toEqual(
      [],
    );
    return `${error?.code} ${error?.message}`;
  } finally {
    await removePlace(place);
  }
}

it.each([
  ['a model under the digest of another one', [`models/${other}.onnx`], { models: ['model'] }],
  ['an archive under the digest of another one', [`benchmarks/${other}.zip`], { archive: other }],
  [
    'the files of one benchmark in the folder of another',
    [`benchmarks/${other}/a.yaml`],
    { files: hex },
  ],
])(
  'a backup with %s is refused',
  async (_what, [name], {
    models,
    archive,
    files,
  }: { models?: string[]; archive?: string; files?: string }) => {
    const entry = { ...bytes.entry, name };
    const benchmark = archive
      ? [{ digest: `sha256:${archive}`, archive: entry }]
      : files
        ? [{ digest: `sha256:${files}`, files: [entry] }]
        : [];
    const manifest = { models: models ? [entry] : [], benchmarks: benchmark };
    expect(await refusal([{ name, data: bytes.data }], manifest)).toMatch(/^backup-invalid /);
  },
);

it('a backup with one table under the name of another, which may be skipped, is refused', async () => {
  const keys = table('keys', [], 'audit');
  expect(await refusal([keys], { tables: [keys.entry] })).toMatch(/^backup-invalid /);
});

it.each([
  ['models', { digest: 'sha256:../../../../tmp' }],
  ['benchmarks', { file: '../../../etc/x.yaml' }],
  ['jobs', { sources: ['/etc/x.yaml'] }],
])(
  'a backup with a row of %s that names a file elsewhere (%j) is refused',
  async (name, change) => {
    const rows = await Promise.all(
      ['models', 'benchmarks', 'jobs'].map(async (each) =>
        table(
          each,
          (await rowsOf(each)).map((row) => (each === name ? { ...row, ...change } : row)),
        ),
      ),
    );
    expect(await refusal(rows, { tables: rows.map(({ entry }) => entry) })).toMatch(
      /^backup-invalid .* was not written by ventral/,
    );
  },
);

it('a backup whose table ends within a row is refused', async () => {
  const cut = of('tables/audit.ndjson', '{"seq":1');
  const entry = { ...cut.entry, table: 'audit', rows: 1 };
  expect(await refusal([cut], { tables: [entry] })).toMatch(/^backup-invalid .*no end/);
});
