import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../../src/formats/package-root.js';
import {
  card,
  multipart,
  network,
  type RunningService,
  runningService,
} from '../running-service.js';
import { locally } from '../with-key.js';

// Every example of openapi.yaml is sent to a service that has what the examples name: one request for
// each example of a body, and for each operation one without its optional parameters and one for each
// example of a parameter.

interface Example {
  readonly value: unknown;
}
interface Parameter {
  readonly $ref?: string;
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: {
    readonly $ref?: string;
    readonly examples?: unknown[];
    readonly enum?: unknown[];
    readonly default?: unknown;
    readonly items?: { readonly examples?: unknown[] };
  };
}
interface Operation {
  readonly operationId: string;
  readonly parameters?: Parameter[];
  readonly requestBody?: {
    readonly content: Record<string, { readonly examples?: Record<string, Example> }>;
  };
  readonly responses: Record<string, unknown>;
}

const description = parse(readFileSync(join(packageRoot, 'openapi.yaml'), 'utf8'));
const exampleKey =
  description.paths['/session'].post.requestBody.content['application/json'].examples.key.value.key;

const resolved = <T extends { readonly $ref?: string }>(part: T): T =>
  part.$ref
    ? part.$ref
        .slice(2)
        .split('/')
        .reduce((node, key) => node[key], description)
    : part;

interface Sent {
  readonly what: string;
  readonly operation: Operation;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

const exampleOf = (parameter: Parameter): unknown => {
  const schema = resolved(parameter.schema);
  return schema.examples?.[0] ?? schema.items?.examples?.[0] ?? schema.enum?.[0] ?? schema.default;
};

/** The requests that the description gives of one operation. */
function requestsOf(
  path: string,
  method: string,
  operation: Operation,
  shared: Parameter[],
): Sent[] {
  const parameters = [...shared, ...(operation.parameters ?? [])].map(resolved);
  const { operationId } = operation;
  const build = (name: string, used: readonly Parameter[], body?: unknown): Sent => {
    let filled = path;
    const query = new URLSearchParams();
    const headers: Record<string, string> = {};
    for (const parameter of used) {
      const values = [exampleOf(parameter)].flat().map(String);
      const [value] = values;
      if (parameter.in === 'path')
        filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(value));
      else if (parameter.in === 'query')
        for (const each of values) query.append(parameter.name, each);
      else headers[parameter.name] = value;
    }
    const address = `/v1${filled}${query.size > 0 ? `?${query}` : ''}`;
    return { what: `${operationId}, ${name}`, operation, method, path: address, headers, body };
  };
  const required = parameters.filter((each) => each.in === 'path' || each.required);
  const optional = parameters.filter(
    (each) => !required.includes(each) && exampleOf(each) !== undefined,
  );
  const json = operation.requestBody?.content['application/json'];
  const bodies = Object.entries(json?.examples ?? {});
  if (operation.requestBody) {
    if (bodies.length === 0) return [];
    const [[first, { value }]] = bodies;
    return [
      ...bodies.map(([name, body]) => build(name, required, body.value)),
      ...optional.map((each) => build(`${first} with ${each.name}`, [...required, each], value)),
    ];
  }
  return [
    build('plain', required),
    ...optional.map((each) => build(each.name, [...required, each])),
  ];
}

const methods = ['get', 'post', 'patch', 'put', 'delete'] as const;
const all: Sent[] = Object.entries<Record<string, unknown>>(description.paths).flatMap(
  ([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method] as Operation | undefined;
      const shared = (item.parameters ?? []) as Parameter[];
      return operation ? requestsOf(path, method.toUpperCase(), operation, shared) : [];
    }),
);
/** What removes something comes last. */
const ordered = [
  ...all.filter(({ method }) => method !== 'DELETE'),
  ...all.filter(({ method }) => method === 'DELETE'),
];

/** Examples of a header that name what is not there any more, or of what stays for ever. */
const otherwise = (sent: Sent): number | undefined => {
  if (sent.headers['If-Match']) return sent.operation.operationId === 'deleteBenchmark' ? 403 : 412;
  // The job of the example was scored by the service: receipts.test.ts brings one.
  if (sent.operation.operationId === 'getReceipt') return 404;
  return sent.operation.operationId === 'deleteBenchmark' ? 403 : undefined;
};

let service: RunningService;
let local: ReturnType<typeof locally>;
let ids: Record<string, string>;

const job = async (kind: string, layer: string): Promise<string> => {
  const layers = kind === 'scores' ? { V1: layer } : [layer];
  const body = { model: 'pixels', benchmarks: ['Simulatedpublic.V1-pls'], layers };
  const made = await local.post(`/v1/${kind}`, body, { Prefer: 'wait=60' });
  return made.body.id;
};

beforeAll(async () => {
  service = await runningService();
  local = locally(service);
  const { id, digest } = await upload();
  const key = await local.post('/v1/keys', { name: 'example', role: 'reader' });
  ids = {
    mdl_3k9v0q5x2m7c1d8f: id,
    key_5d8n1v3z9q2f7x0c: key.body.id,
    [exampleKey]: key.body.key,
    'sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08': digest,
  };
});
afterAll(() => service.stop());

/** The ids of the examples are those of what the service has. */
const named = (text: string, more: Record<string, string>): string =>
  Object.entries({ ...ids, ...more }).reduce(
    (now, [example, id]) => now.replaceAll(example, id).replaceAll(encodeURIComponent(example), id),
    text,
  );

describe('an example of the description', () => {
  it('is there for every operation but those that take a file or a receipt', () => {
    const has = new Set(all.map(({ operation }) => operation.operationId));
    const operations = Object.values<Record<string, Operation>>(description.paths).flatMap((item) =>
      methods.flatMap((method) => (item[method] ? [item[method].operationId] : [])),
    );
    expect(operations.filter((id) => !has.has(id))).toEqual([
      'registerModel',
      'registerBenchmark',
      'continueUpload',
      'bringScores',
      'checkPackage',
      'putFile',
    ]);
    process.stdout.write(`${all.length} examples of ${has.size} operations\n`);
  });

  it.each(ordered.map((sent) => [sent.what, sent] as const))('%s', async (_what, sent) => {
    const own: Record<string, string> = sent.path.includes('job_7h2d9s0a4w6y1k3n')
      ? { job_7h2d9s0a4w6y1k3n: await jobFor(sent) }
      : await featuresFor(sent);
    const body = sent.body === undefined ? undefined : named(JSON.stringify(sent.body), own);
    if (sent.operation.operationId === 'deleteModel') {
      await quiet();
      await upload();
    }
    const answer = await local.call(sent.method, named(sent.path, own), {
      headers: {
        ...sent.headers,
        ...(body ? { 'Content-Type': 'application/json' } : {}),
      },
      ...(body ? { body } : {}),
    });
    const expected = otherwise(sent);
    if (expected) expect(answer.status).toBe(expected);
    else expect(answer.status, answer.text.slice(0, 500)).toBeLessThan(300);
    expect(Object.keys(sent.operation.responses)).toContain(String(answer.status));
    if (sent.operation.operationId === 'requestTraining') trainings.push(answer.body.id);
  });
});

/** A job that the example can be sent of: one to cancel is still at work, and each checkpoint is removed once. */
async function jobFor({ path, method }: Sent): Promise<string> {
  const kind = path.includes('/layer-maps/') ? 'layer-maps' : 'scores';
  if (!path.includes('/trainings/'))
    return method === 'DELETE' ? started(kind) : job(kind, 'score');
  if (path.includes('/checkpoints/') && method === 'DELETE') return trainings.shift() as string;
  return method === 'DELETE' ? endlessTraining() : (trainings.at(-1) as string);
}

/** Trainings of the examples, which have come to their end with the last one: that was waited for. */
const trainings: string[] = [];

async function endlessTraining(): Promise<string> {
  const { examples } = description.paths['/trainings'].post.requestBody.content['application/json'];
  const recipe = structuredClone(examples.small.value.recipe);
  recipe.stages[0].train.epochs = 1000;
  return (await local.post('/v1/trainings', { recipe })).body.id;
}

/** Registers the model of the examples, if it is missing. */
async function upload(): Promise<{ id: string; digest: string }> {
  const { headers = {}, body } = multipart([
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
  ]);
  const made = await local.call('POST', '/v1/models', { headers, body });
  expect(made.status).toBeLessThan(300);
  ids = { ...ids, mdl_3k9v0q5x2m7c1d8f: made.body.id };
  return made.body;
}

/** An upload or features that the example can be sent of. */
async function featuresFor({ path, body }: Sent): Promise<Record<string, string>> {
  if (/upl_|ftr_/.test(`${path} ${JSON.stringify(body)}`)) {
    const bytes = Buffer.from('stimulus_id,a\n1,0.5\n2,1.5\n');
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    const begun = await local.post('/v1/uploads', { size: bytes.length, digest });
    const headers = { 'Content-Type': 'application/octet-stream' };
    const upload = begun.body.id;
    await local.call('PATCH', `/v1/uploads/${upload}?offset=0`, { headers, body: bytes });
    if (!path.includes('ftr_')) return { upl_5d8a2k7f0m3q9w1c: upload };
    const made = await local.post('/v1/features', { upload, format: 'csv' });
    return { ftr_8m2c6t1x4b9k0z5e: made.body.id };
  }
  return {};
}

/** A job that is still at work. */
async function started(kind: string): Promise<string> {
  const layers = kind === 'scores' ? { V1: 'sleep=600000' } : ['sleep=600000'];
  const body = { model: 'pixels', benchmarks: ['Simulatedpublic.V1-pls'], layers };
  return (await local.post(`/v1/${kind}`, body)).body.id;
}

/** Waits for the jobs of the examples, and ends those that would not end. */
async function quiet(): Promise<void> {
  for (const kind of ['scores', 'layer-maps', 'trainings']) {
    for (const state of ['queued', 'running']) {
      const { body } = await local.get(`/v1/${kind}?state=${state}&limit=200`);
      for (const { links } of body.items) {
        await local.remove(links.self);
        await sleep(1);
      }
    }
  }
}
