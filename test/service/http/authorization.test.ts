import { createHash, randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { request as send } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseCard } from '../../../src/activations/card/card.js';
import { packageRoot } from '../../../src/formats/package-root.js';
import { metadataRecord } from '../../../src/onnx/metadata.js';
import { digestOfFile } from '../../../src/store/files/file-digest.js';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import type { Visibility } from '../../../src/store/records/model-store.js';
import { localPrincipal, type Principal, type Role } from '../../../src/store/records/principal.js';
import { parseRecipe } from '../../../src/training/recipe/parse-recipe.js';
import { oraclePath } from '../../oracle.js';
import { madePlace, type StorePlace } from '../../store/engines.js';
import { type Asked, BOUNDARY, card, runningService, suiteEngine } from '../running-service.js';
import { plain, smallRecipe } from '../small-training.js';

/** Who asks; `group` says whether the key is in the group of what it asks for. */
interface Asker {
  readonly name: string;
  readonly role: Role | null;
  readonly owner: string;
  readonly group: boolean;
  /** Text of the key. */
  key?: string;
}

const askers: readonly Asker[] = [
  { name: 'no key', role: null, owner: '', group: false },
  { name: 'a reader', role: 'reader', owner: 'rita', group: false },
  { name: 'a reader in the group', role: 'reader', owner: 'rosa', group: true },
  { name: 'a reader of the owner', role: 'reader', owner: 'ada', group: false },
  { name: 'another owner', role: 'member', owner: 'otto', group: false },
  { name: 'another owner in the group', role: 'member', owner: 'olga', group: true },
  { name: 'the owner', role: 'member', owner: 'ada', group: false },
  { name: 'an admin', role: 'admin', owner: 'root', group: false },
];
const visibilities: readonly Visibility[] = ['private', 'group', 'public'];

/** What a request is about: everything of the owner `ada`, with one visibility. */
interface Targets {
  readonly model: string;
  /** Without a card, so that nothing has to run. */
  readonly bare: string;
  readonly benchmark: string;
  readonly features: string;
  /** An upload in pieces, without one yet. */
  readonly upload: string;
  readonly score: string;
  readonly map: string;
  readonly training: string;
}

/** Who may: `anybody`, `key` any key, `session` any key, readers' too, `admin`, who `sees` the target, who `changes` it, its `owner` alone. */
type Who = 'anybody' | 'key' | 'session' | 'admin' | 'sees' | 'changes' | 'owner';

interface Rule {
  readonly who: Who;
  /** Status for whom it is allowed. */
  readonly ok: number;
  readonly at?: (targets: Targets) => string;
  readonly asked?: (targets: Targets) => Asked;
}

const json = (body: unknown): Asked => ({
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});
/** It gets past authorization and no further. */
const emptyForm = (): Asked => ({
  headers: { 'Content-Type': `multipart/form-data; boundary=${BOUNDARY}` },
  body: `--${BOUNDARY}--\r\n`,
});
const V1 = 'FreemanZiemba2013public.V1-pls';
const nobody = () => 'key_0000000000000000';

/** The policy: an operation that is not here fails the test. */
const policy: Readonly<Record<string, Rule>> = {
  listModels: { who: 'key', ok: 200 },
  registerModel: { who: 'key', ok: 400, asked: emptyForm },
  getModel: { who: 'sees', ok: 200, at: ({ model }) => model },
  changeModel: {
    who: 'changes',
    ok: 200,
    at: ({ model }) => model,
    asked: () => json({ name: 'renamed' }),
  },
  deleteModel: { who: 'changes', ok: 204, at: ({ bare }) => bare },
  getCardDraft: { who: 'sees', ok: 200, at: ({ model }) => model },
  listLayers: { who: 'sees', ok: 200, at: ({ model }) => model },
  getModelRegions: { who: 'sees', ok: 200, at: ({ model }) => model },
  getModelContent: { who: 'sees', ok: 200, at: ({ model }) => model },
  listBenchmarks: { who: 'key', ok: 200 },
  registerBenchmark: { who: 'key', ok: 400, asked: emptyForm },
  getBenchmark: { who: 'sees', ok: 200, at: ({ benchmark }) => benchmark },
  // They start: the files of the benchmark are nowhere.
  getBenchmarkData: { who: 'sees', ok: 422, at: ({ benchmark }) => benchmark },
  listStimuli: { who: 'sees', ok: 422, at: ({ benchmark }) => benchmark },
  getStimulusPicture: { who: 'sees', ok: 422, at: ({ benchmark }) => benchmark },
  getStimulusContent: { who: 'sees', ok: 422, at: ({ benchmark }) => benchmark },
  computeInputs: {
    who: 'sees',
    ok: 422,
    at: ({ benchmark }) => benchmark,
    asked: () => json({}),
  },
  beginUpload: {
    who: 'key',
    ok: 201,
    asked: () => json({ size: 1, digest: digestOf('bytes') }),
  },
  getUpload: { who: 'owner', ok: 200, at: ({ upload }) => upload },
  // It gets past authorization: it has no bytes yet.
  continueUpload: {
    who: 'owner',
    ok: 409,
    at: ({ upload }) => `${upload}?offset=5`,
    asked: () => ({ headers: { 'Content-Type': 'application/octet-stream' }, body: 'bytes' }),
  },
  deleteUpload: { who: 'owner', ok: 204, at: ({ upload }) => upload },
  listFeatures: { who: 'key', ok: 200 },
  registerFeatures: {
    who: 'owner',
    ok: 409,
    asked: ({ upload }) => json({ upload, format: 'npz' }),
  },
  getFeatures: { who: 'sees', ok: 200, at: ({ features }) => features },
  changeFeatures: {
    who: 'changes',
    ok: 200,
    at: ({ features }) => features,
    asked: () => json({ name: 'renamed' }),
  },
  deleteFeatures: { who: 'changes', ok: 204, at: ({ features }) => features },
  // Its bytes are nowhere.
  getFeaturesContent: { who: 'sees', ok: 422, at: ({ features }) => features },
  deleteBenchmark: { who: 'changes', ok: 204, at: ({ benchmark }) => benchmark },
  listScores: { who: 'key', ok: 200 },
  requestScore: {
    who: 'sees',
    ok: 202,
    asked: ({ model }) => json({ model, benchmarks: [V1] }),
  },
  getScore: { who: 'sees', ok: 200, at: ({ score }) => score },
  cancelScore: { who: 'changes', ok: 200, at: ({ score }) => score },
  followScore: { who: 'sees', ok: 200, at: ({ score }) => score },
  // It gets past authorization: the score was not brought.
  getReceipt: { who: 'sees', ok: 404, at: ({ score }) => score },
  // Likewise: it is no receipt.
  bringScores: { who: 'key', ok: 400, asked: () => json({}) },
  listLayerMaps: { who: 'key', ok: 200 },
  requestLayerMap: {
    who: 'sees',
    ok: 202,
    asked: ({ model }) => json({ model, benchmarks: [V1] }),
  },
  getLayerMap: { who: 'sees', ok: 200, at: ({ map }) => map },
  cancelLayerMap: { who: 'changes', ok: 200, at: ({ map }) => map },
  followLayerMap: { who: 'sees', ok: 200, at: ({ map }) => map },
  listRecipes: { who: 'key', ok: 200 },
  listTrainings: { who: 'key', ok: 200 },
  requestTraining: {
    who: 'sees',
    ok: 202,
    asked: ({ model }) => json({ recipe: recipeOf(model) }),
  },
  getTraining: { who: 'owner', ok: 200, at: ({ training }) => training },
  cancelTraining: { who: 'owner', ok: 200, at: ({ training }) => training },
  followTraining: { who: 'owner', ok: 200, at: ({ training }) => training },
  getTrainingReport: { who: 'owner', ok: 200, at: ({ training }) => training },
  listCheckpoints: { who: 'owner', ok: 200, at: ({ training }) => training },
  // It gets past authorization and no further: there is no checkpoint, and no network is opened.
  getCheckpoint: { who: 'owner', ok: 404, at: ({ training }) => training },
  deleteCheckpoint: { who: 'owner', ok: 404, at: ({ training }) => training },
  registerCheckpoint: {
    who: 'owner',
    ok: 404,
    at: ({ training }) => training,
    asked: () => json({}),
  },
  getLeaderboard: { who: 'key', ok: 200 },
  // It gets past authorization: the model is missing.
  getRankHistory: { who: 'key', ok: 400 },
  correlateBenchmarks: { who: 'key', ok: 200 },
  // It gets past authorization: two models are missing.
  listDifferences: { who: 'key', ok: 400 },
  getQueue: { who: 'key', ok: 200 },
  getFirstScoring: { who: 'key', ok: 200 },
  computeActivations: {
    who: 'sees',
    ok: 422,
    asked: ({ bare }) => json({ model: bare, layers: ['x'], benchmark: V1 }),
  },
  buildPackage: {
    who: 'sees',
    ok: 422,
    asked: ({ bare }) => json({ model: bare, format: 'brainscore' }),
  },
  // It gets past authorization: what is no archive has findings.
  checkPackage: {
    who: 'key',
    ok: 200,
    asked: () => ({ headers: { 'Content-Type': 'application/zip' }, body: 'no archive' }),
  },
  listKeys: { who: 'admin', ok: 200 },
  createKey: {
    who: 'admin',
    ok: 201,
    asked: () => json({ name: 'made', role: 'reader' }),
  },
  getKey: { who: 'admin', ok: 404, at: nobody },
  revokeKey: { who: 'admin', ok: 404, at: nobody },
  listAudit: { who: 'admin', ok: 200 },
  listWorkers: { who: 'admin', ok: 200 },
  // Files that are nowhere are named in it as lost.
  getBackup: { who: 'admin', ok: 200 },
  checkFiles: { who: 'admin', ok: 200, asked: () => json({}) },
  getFile: { who: 'admin', ok: 404, at: () => `sha256:${'0'.repeat(64)}?kind=model` },
  putFile: {
    who: 'admin',
    ok: 204,
    at: () => `${digestOf('bytes')}?kind=model`,
    asked: () => ({ headers: { 'Content-Type': 'application/octet-stream' }, body: 'bytes' }),
  },
  getMetrics: { who: 'admin', ok: 200 },
  getSession: { who: 'key', ok: 200 },
  // It says by itself who one is, and no such key is known.
  signIn: {
    who: 'anybody',
    ok: 401,
    asked: () => json({ key: `vk_${'0'.repeat(16)}_${'0'.repeat(43)}` }),
  },
  signOut: { who: 'session', ok: 204 },
  getHealth: { who: 'anybody', ok: 200 },
  getReady: { who: 'anybody', ok: 200 },
  getDescription: { who: 'anybody', ok: 200 },
  getReference: { who: 'anybody', ok: 200 },
};

function expected({ who, ok }: Rule, method: string, asker: Asker, visibility: Visibility): number {
  if (who === 'anybody') return ok;
  if (asker.role === null) return 401;
  if (who === 'session') return ok;
  if (asker.role === 'reader' && method !== 'get') return 403;
  const admin = asker.role === 'admin';
  const own = admin || asker.owner === 'ada';
  if (who === 'key' || (who === 'admin' && admin)) return ok;
  if (who === 'admin') return 403;
  if (who === 'owner') return own ? ok : 404;
  const sees = own || visibility === 'public' || (visibility === 'group' && asker.group);
  if (!sees) return 404;
  return who === 'sees' || own ? ok : 403;
}

/** Whether an operation may use its target up. */
const uses = (id: string) =>
  policy[id]?.who === 'changes' || id === 'cancelTraining' || id === 'deleteUpload';

interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
}

const operations: Operation[] = [];
let place: StorePlace;
let service: Awaited<ReturnType<typeof runningService>>;
/** Targets that a case may use up, by visibility. */
const fresh = new Map<string, Targets[]>();

const ada: Principal = { key: null, owner: 'ada', groups: ['vision'], role: 'member' };

beforeAll(async () => {
  const description = parse(await readFile(join(packageRoot, 'openapi.yaml'), 'utf8'));
  for (const [path, item] of Object.entries<Record<string, { operationId?: string }>>(
    description.paths,
  )) {
    for (const [method, { operationId }] of Object.entries(item))
      if (operationId) operations.push({ id: operationId, method, path });
  }
  place = await madePlace(suiteEngine, 'ventral-authorization-');
  const store = await openHomeStore(place.home, place);
  try {
    for (const asker of askers) await give(store, asker);
    const changing = operations.filter(({ id }) => uses(id)).length;
    for (const visibility of visibilities) {
      const made: Targets[] = [];
      // Each change that is allowed to the owner or to an admin uses its target up.
      for (let i = 0; i < 2 * changing + 1; i++) made.push(await prepare(store, visibility));
      fresh.set(visibility, made);
    }
  } finally {
    await store.close();
  }
  service = await runningService({ ...place, concurrency: 0 });
});
afterAll(async () => {
  await service?.stop();
  await rm(place.home, { recursive: true, force: true });
});

async function give(store: HomeStore, asker: Asker): Promise<void> {
  const { name, role, owner, group } = asker;
  if (role === null) return;
  const groups = group ? ['vision'] : ['another'];
  asker.key = (await store.keys.create(localPrincipal, { name, role, owner, groups })).text;
}

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

async function prepare(store: HomeStore, visibility: Visibility): Promise<Targets> {
  const access = { visibility, group: 'vision' };
  const registration = async (card: unknown, digest: string) => {
    const graph = { opset: 17, nodes: 1, parameters: 1, inputs: [], outputs: [] };
    const made = { ...access, digest, name: 'net', size: 1, card, graph };
    return (await store.models.register(ada, made)).model;
  };
  const digest = await placeNetwork(store);
  const model = await registration(parseCard(await card(), 'card.yaml'), digest);
  const bare = await registration(null, digestOf(randomUUID()));
  const { benchmark } = await store.benchmarks.register(ada, {
    ...access,
    digest: digestOf(randomUUID()),
    file: 'benchmark.yaml',
    size: 1,
    unpacked: 1,
    summary: {
      identifier: 'Lab2026.V1-pls',
      version: 1,
      simulated: false,
      metric: 'pls',
      visualDegrees: 4,
      reference: null,
      benchmarks: [{ id: 'Lab2026.V1-pls', region: 'V1' }],
    },
  });
  const summary = { format: 'npz', stimuli: 1, layers: [{ name: 'x', units: 1 }], madeBy: null };
  const { model: features } = await store.models.register(
    ada,
    { ...access, digest: digestOf(randomUUID()), name: 'f', size: 1, card: null, graph: summary },
    undefined,
    'features',
  );
  const upload = await store.uploads.create(
    { ...ada, role: 'admin' },
    { digest: digestOf('bytes'), size: 5 },
  );
  const asked = {
    owner: 'ada',
    model: model.id,
    registration: model.id,
    digest,
    modelName: 'net',
    card: model.card,
    benchmarks: [V1],
    sources: [V1],
    keys: [randomUUID()] as [string],
  };
  const score = await store.jobs.create(ada, { ...asked, kind: 'score' });
  const map = await store.jobs.create(ada, { ...asked, kind: 'layer-map', holdout: false });
  const training = await store.jobs.create(ada, {
    ...{ ...asked, benchmarks: [], sources: [], keys: [] },
    kind: 'training',
    recipe: parseRecipe(JSON.stringify(recipeOf(model.id)), 'recipe'),
  });
  return {
    model: model.id,
    bare: bare.id,
    benchmark: benchmark.id,
    features: features.id,
    upload: upload.id,
    score: score.id,
    map: map.id,
    training: training.id,
  };
}

const recipeOf = (model: string) => smallRecipe(model, [plain()]);

/** A network of its own: what is served has the digest that it is stored under. */
async function placeNetwork(store: HomeStore): Promise<string> {
  const path = join(store.temporary, 'net.onnx');
  const bytes = await readFile(oraclePath('09-end-to-end/resnet/model.onnx'));
  await writeFile(path, Buffer.concat([bytes, metadataRecord('note', randomUUID())]));
  const digest = await digestOfFile(path);
  await store.files.place(path, digest);
  return digest;
}

/** The status alone: a stream of events is not waited for. */
function status(method: string, path: string, { headers, body }: Asked, key?: string) {
  return new Promise<number>((resolve, reject) => {
    const credentials = key === undefined ? {} : { Authorization: `Bearer ${key}` };
    const length = body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    const sent = send(
      `${service.url}/v1${path}`,
      { method, headers: { ...headers, ...length, ...credentials } },
      (response) => {
        resolve(response.statusCode ?? 0);
        response.destroy();
      },
    );
    sent.once('error', reject);
    sent.end(body);
  });
}

it('every operation is in the policy', () => {
  expect(operations.map(({ id }) => id).filter((id) => !Object.hasOwn(policy, id))).toEqual([]);
});

it('every operation answers every key as the policy says, whatever the visibility', async () => {
  const wrong: string[] = [];
  let cases = 0;
  for (const { id, method, path } of operations) {
    for (const visibility of visibilities) {
      for (const asker of askers) {
        const rule = policy[id];
        const targets = fresh.get(visibility) as Targets[];
        const [target] = targets;
        const at = path.replace(/\{\w+\}/, () => rule.at?.(target) ?? '-');
        const want = expected(rule, method, asker, visibility);
        const ask = () => status(method, at, rule.asked?.(target) ?? {}, asker.key);
        let found = await ask();
        // The check before this one ends a moment after its client has left.
        while (id === 'checkFiles' && found === 409) found = await ask();
        if (uses(id) && want === rule.ok && id !== 'changeModel') targets.shift();
        cases++;
        if (found !== want)
          wrong.push(`${id} by ${asker.name} on ${visibility}: ${found}, expected ${want}`);
      }
    }
  }
  process.stdout.write(`authorization: ${cases} cases of ${operations.length} operations\n`);
  expect(wrong).toEqual([]);
}, 300_000);
