import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { openZip, writeZip } from '../../src/formats/zip.js';
import { simulatedFiles } from '../../src/scoring/benchmark/simulated-data.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import { saveBackup, takeBackup } from '../../src/service/access/backup-access.js';
import { checkArchives } from '../../src/service/access/fsck-access.js';
import { openHomeStore } from '../../src/store/home-store.js';
import { oraclePath } from '../oracle.js';
import { flip } from '../service/flip.js';
import { card, network, type RunningService, runningService } from '../service/running-service.js';
import { emptyPlace, removePlace } from '../store/engines.js';
import { runSmall, smallRecipe, smallStage } from '../training/small-runs.js';

/** 200 bits are flipped: some 14 a round in a home, 80 in a backup. */
const ROUNDS = 10;
const ARCHIVE_FLIPS = 80;

let service: RunningService;
let scratch: string;
let model: { id: string; digest: string };
let benchmark: { id: string; upload: { digest: string } };
let archive: Buffer;
let good: number;
let data: { path: string; bytes: Buffer };
let run: string;

let seed = 20_261;
/** Numbers of [0, 1), the same in every run. */
const random = () => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed / 2_147_483_647;
};
const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)];
const flipSomewhere = (path: string) => flip(path, random(), Math.floor(random() * 8));

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'ventral-flips-'));
  service = await runningService({ scoreScript: undefined });
  archive = await zipped();
  model = (await uploadModel()).body;
  benchmark = (await uploadBenchmark()).body;
  const job = await score();
  expect(job.state).toBe('succeeded');
  good = job.results[0].value;
  await simulate();
  const bytes = Buffer.from('stimulus_id,filename\n1,a.png\n2,b.png\n');
  const sha1 = createHash('sha1').update(bytes).digest('hex');
  data = { path: join(service.home, 'data', sha1, 'a.csv'), bytes };
  await mkdir(join(data.path, '..'), { recursive: true });
  await writeFile(data.path, bytes);
  run = join(service.home, 'trainings', 'job_0000000000000000', 'run');
  await interruptedRun();
}, 600_000);
afterAll(async () => {
  await service.stop();
  await rm(scratch, { recursive: true, force: true });
});

async function zipped(): Promise<Buffer> {
  const folder = oraclePath('09-end-to-end/neural-csv');
  const path = join(scratch, 'a.zip');
  const contents = [];
  for (const name of await readdir(folder)) {
    const bytes = await readFile(join(folder, name));
    const yaml = name.endsWith('.yaml');
    const content = yaml ? Buffer.from(bytes.toString().replace('[V4, IT]', '[V4]')) : bytes;
    contents.push({ name, data: content, compress: true });
  }
  await writeZip(path, contents);
  return readFile(path);
}
const uploadModel = async () =>
  service.upload([
    { name: 'file', filename: 'resnet.onnx', content: await network() },
    { name: 'card', content: await card() },
  ]);
const uploadBenchmark = () =>
  service.call('POST', '/v1/benchmarks', {
    headers: { 'Content-Type': 'application/zip' },
    body: archive,
  });
const score = async (layers?: object) => {
  const asked = { model: model.id, benchmarks: [benchmark.id], layers };
  let { body } = await service.post('/v1/scores', asked, { Prefer: 'wait=60' });
  while (body.state === 'queued' || body.state === 'running')
    body = (await service.call('GET', `/v1/scores/${body.id}`, { headers: { Prefer: 'wait=60' } }))
      .body;
  return body;
};
/** What a generator makes in seconds, and again if it is missing. */
const simulate = () => {
  const source = listBenchmarks().find(({ id }) => id === 'Simulated.V1-pls')?.stimuli;
  if (source?.kind !== 'generated') throw new Error('no generator');
  return simulatedFiles(service.home, source.generate, source.seed);
};
/** One for each round that scores. */
const LAYERS = ['maxpool', 'layer1.0', 'layer3.0', 'avgpool'];
/** Another card is another question, which no result that is there answers. */
const changeCard = async (V2: string) => {
  const { body } = await service.get(`/v1/models/${model.id}`);
  const layers = { ...body.card.region_layer_map, V2 };
  return service.call('PATCH', `/v1/models/${model.id}`, {
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ card: { ...body.card, region_layer_map: layers } }),
  });
};

/** A run that was stopped, with its tensors, checkpoints and log; and a copy of it. */
async function interruptedRun(): Promise<void> {
  const folder = join(scratch, 'run');
  const recipe = smallRecipe([{ train: smallStage({ epochs: 3 }) }]);
  const controller = new AbortController();
  let heard = 0;
  const progress = () => {
    if (++heard === 5) controller.abort(new VentralError('interrupted', 'Interrupted'));
  };
  await runSmall(recipe, folder, { signal: controller.signal, progress }).catch(() => {});
  expect(await readdir(folder)).toContain('state.json');
  await cp(folder, run, { recursive: true });
}

const hex = (digest: string) => digest.slice('sha256:'.length);
const modelPath = () => join(service.home, 'models', hex(model.digest), 'model.onnx');
const folderPath = () => join(service.home, 'benchmarks', hex(benchmark.upload.digest));

async function filesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const paths = names.map((name) => join(folder, name));
  const kinds = await Promise.all(paths.map((path) => stat(path)));
  return paths.filter((_, i) => kinds[i].isFile()).toSorted();
}

/** Files of each kind, some of many: what is flipped in one round, by the name under which it is found. */
async function victims(): Promise<Map<string, string>> {
  const cache = (await filesIn(join(service.home, 'cache', 'activations'))).toSorted(
    () => random() - 0.5,
  );
  const made = (await filesIn(join(service.home, 'cache', 'simulated'))).toSorted(
    () => random() - 0.5,
  );
  const [folder] = await readdir(join(service.home, 'cache', 'simulated')).catch(() => []);
  const sealed = ['state.json', 'npz', 'onnx'].map((end) =>
    filesIn(run).then((files) => pick(files.filter((file) => file.endsWith(end)))),
  );
  const below = (path: string) => relative(service.home, path);
  const found: [path: string, name: string][] = [
    [modelPath(), `model ${model.digest}`],
    [`${folderPath()}.zip`, `benchmark ${benchmark.upload.digest}`],
    ...(await filesIn(folderPath())).map((path): [string, string] => [
      path,
      `benchmark ${benchmark.upload.digest}`,
    ]),
    [data.path, `data ${below(data.path)}`],
    ...made
      .slice(0, 1)
      .map((path): [string, string] => [path, `simulated ${join('cache', 'simulated', folder)}`]),
    ...cache.slice(0, 4).map((path): [string, string] => [path, `cache ${below(path)}`]),
    ...(await Promise.all(sealed)).map((path): [string, string] => [
      path,
      `training ${below(run)}`,
    ]),
  ];
  return new Map(found);
}

const fsck = async (choice: object = {}) => (await service.post('/v1/fsck', choice)).body;
let flips = 0;

it('bits flipped in every kind of stored file give no wrong number, are found, and are healed', async () => {
  expect(await fsck()).toMatchObject({ ok: true, findings: [] });
  for (let round = 0; round < ROUNDS; round++) {
    const flipped = await victims();
    const layer = round % 3 === 0 ? LAYERS[round / 3] : undefined;
    for (const path of flipped.keys()) await flipSomewhere(path);
    flips += flipped.size;

    const content = await service.get(`/v1/models/${model.id}/content`);
    expect(content).toMatchObject({ status: 500, body: { type: '/problems/file-damaged' } });
    if (layer) {
      // The layers of a card are looked up in the network.
      expect((await changeCard(layer)).body.type).toBe('/problems/file-damaged');
      const job = await score({ V4: layer });
      expect(job).toMatchObject({ state: 'failed', results: [] });
      expect(job.failures[0].problem.type).toBe('/problems/file-damaged');
    }
    const report = await fsck();
    expect(report.ok).toBe(false);
    const found = report.findings.map(
      ({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`,
    );
    // Flips of the header's padding change nothing that is read.
    const harmless = [...flipped.values()].filter((name) => !found.includes(name));
    expect(harmless.filter((name) => !name.startsWith('cache'))).toEqual([]);
    expect(found.filter((name: string) => ![...flipped.values()].includes(name))).toEqual([]);

    expect([(await uploadModel()).status, (await uploadBenchmark()).status]).toEqual([200, 200]);
    await writeFile(data.path, data.bytes);
    await rm(run, { recursive: true });
    await cp(join(scratch, 'run'), run, { recursive: true });
    expect(await fsck({ heal: true })).toMatchObject({ ok: true });
    expect(await fsck()).toMatchObject({ ok: true, findings: [] });
    if (layer) {
      expect((await changeCard(layer)).status).toBe(200);
      const job = await score();
      expect(job).toMatchObject({ state: 'succeeded', results: [{ value: good }] });
      await simulate();
    }
  }
}, 600_000);

/** Digests of the entries of an archive. */
async function contentsOf(path: string): Promise<Record<string, string>> {
  const zip = await openZip(path);
  try {
    const digests: Record<string, string> = {};
    for (const { name } of zip.entries)
      digests[name] = createHash('sha256')
        .update(await zip.read(name))
        .digest('hex');
    return digests;
  } finally {
    await zip.close();
  }
}

it('bits flipped in a backup are found, and restored around where that is asked for', async () => {
  const file = join(scratch, 'whole.zip');
  expect((await saveBackup(service.place, file)).lost).toBeUndefined();
  const bytes = await readFile(file);
  const broken = join(scratch, 'broken.zip');
  for (let i = 0; i < ARCHIVE_FLIPS; i++, flips++) {
    const copy = Buffer.from(bytes);
    copy[Math.floor(random() * copy.length)] ^= 1 << Math.floor(random() * 8);
    await writeFile(broken, copy);
    const report = await checkArchives([broken]).catch((error) => error);
    if (report instanceof Error) expect(report).toMatchObject({ code: 'backup-invalid' });
    // A few bits of an archive say nothing of its content, such as the time of an entry.
    else if (report.ok) expect(await contentsOf(broken)).toEqual(await contentsOf(file));
  }
  const copy = Buffer.from(bytes);
  // The second half of a stored network: its entry is as long as the file.
  const at = copy.indexOf((await network()).subarray(5000, 5100));
  copy[at] ^= 4;
  await writeFile(broken, copy);
  const target = await emptyPlace('embedded');
  const name = `models/${hex(model.digest)}.onnx`;
  await expect(takeBackup(broken, target, 2 ** 30)).rejects.toMatchObject({
    code: 'backup-invalid',
    message: expect.stringContaining(name),
  });
  const { skipped } = await takeBackup(broken, target, 2 ** 30, true);
  expect(skipped).toEqual([name]);
  const store = await openHomeStore(target.home, target);
  expect(await store.files.state(model.digest)).toBe('missing');
  expect((await store.benchmarkFiles.state(benchmark.upload.digest)).state).toBe('good');
  await store.close();
  await removePlace(target);
  process.stdout.write(`${flips} bits were flipped\n`);
  expect(flips).toBeGreaterThanOrEqual(200);
}, 600_000);
