import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ORACLE } from '../oracle.js';
import { damaged } from './damage.js';
import { type Operation, operations } from './description.js';
import { jsonCase, yamlCase } from './document-cases.js';
import { type Form, formCase, formOf } from './form-cases.js';
import { benchmarkZip, type FuzzedService, uploadBytes } from './fuzzed-service.js';
import { onnxCase } from './onnx-cases.js';
import { type RawAnswer, requestBytes } from './raw-request.js';
import { benchmarkDamage, cards, damagedFile, definitions, tables } from './reader-targets.js';
import { brokenRequest, headerCase, requestOf, rightBody } from './request-cases.js';
import { Finding, type FuzzCase, type Target } from './target.js';
import { zipCase } from './zip-cases.js';

const network = readFileSync(join(ORACLE, '09-end-to-end', 'resnet', 'model.onnx'));
const faults = /\/problems\/(internal|process-died)/;

const operationOf = (method: string, path: string) =>
  operations.find((one) => one.method === method && one.path === path) as Operation;
const uploadModel = operationOf('POST', '/models');
const uploadBenchmark = operationOf('POST', '/benchmarks');
const checkPackage = operationOf('POST', '/packages/check');
const takesJson = operations.filter(({ takes }) => 'application/json' in takes);

/** The targets that are asked over HTTP. */
export function serviceTargets(service: FuzzedService): Target[] {
  const { door, known } = service;
  const target = (
    name: string,
    share: number,
    run: (one: FuzzCase) => Promise<string>,
  ): Target => ({
    name: `HTTP ${name}`,
    share,
    lane: 'service',
    run,
  });
  /** Sends bytes that are kept with the case, and removes what they made. */
  const ask: FuzzedService['ask'] & { one?: never } = async (bytes, about) => {
    const answer = await service.ask(bytes, about);
    const made = answer?.headers.get('location');
    const isNew = answer?.status === 201 || answer?.status === 202;
    if (made && isNew && !about.unfinished) await remove(made);
    return answer;
  };
  const remove = async (made: string) => {
    const { status, text } = await service.call('DELETE', made);
    // A job may have ended before it could be cancelled.
    const isGone = [200, 204].includes(status) || (status === 409 && made.includes('/job_'));
    if (!isGone) throw new Finding(`DELETE ${made}: ${status} ${text}`);
  };
  const post = (path: string, { type, body }: Form) => uploadBytes(door, path, type, body);
  const requests = { door, known };

  return [
    target('ONNX files', 32, async (one) => {
      const file = onnxCase(one.dice);
      await one.file('model.onnx', file);
      const form = formOf([{ name: 'file', filename: 'model.onnx', content: file }]);
      const answer = await service.ask(post('/v1/models', form), { operation: uploadModel });
      if (answer?.status !== 201) return outcome(answer);
      const { links } = answer.body as { links: { self: string; layers: string } };
      const layers = await service.call('GET', links.layers);
      await remove(links.self);
      if (layers.status !== 200) throw new Finding(`its layers: ${layers.status} ${layers.text}`);
      return '201 and its layers';
    }),
    target('cards', 45, async (one) => {
      const form = formOf([
        { name: 'card', content: yamlCase(one.dice.pick(cards), one.dice) },
        { name: 'file', filename: 'net.onnx', content: network },
      ]);
      return outcome(
        await ask(await kept(one, post('/v1/models', form)), { operation: uploadModel }),
      );
    }),
    target('forms', 50, async (one) => {
      const content = one.dice.chance(0.9) ? network : damaged(network.subarray(0, 900), one.dice);
      const form = formCase([{ name: 'file', filename: 'net.onnx', content }], one.dice);
      const [path, operation] = one.dice.chance(0.8)
        ? (['/v1/models', uploadModel] as const)
        : (['/v1/benchmarks', uploadBenchmark] as const);
      return outcome(await ask(await kept(one, post(path, form)), { operation }));
    }),
    target('clients that go away', 15, async (one) => {
      const form = formOf([{ name: 'file', filename: 'net.onnx', content: network }]);
      const bytes = one.dice.chance(0.5)
        ? post('/v1/models', form)
        : uploadBytes(door, '/v1/benchmarks', 'application/zip', benchmarkZip('neural-csv'));
      const part = bytes.subarray(0, one.dice.below(bytes.length));
      return outcome(await ask(await kept(one, part), { unfinished: true }));
    }),
    target('archives', 25, async (one) => {
      const parts = [
        { name: 'benchmark.yaml', data: yamlOf(one) },
        { name: 'recordings.csv', data: Buffer.from(tables[0]) },
        { name: 'stimuli.csv', data: Buffer.from(tables[1]) },
        { name: 'neuroids.csv', data: Buffer.from(tables[2]) },
        { name: 'stimuli.zip', data: one.dice.bytes(100) },
      ];
      const body = zipCase(parts, one.dice);
      const bytes = uploadBytes(door, '/v1/benchmarks', 'application/zip', body);
      return outcome(await ask(await kept(one, bytes), { operation: uploadBenchmark }));
    }),
    target('packages', 6, async (one) => {
      const parts = [
        { name: 'net/', data: Buffer.from('') },
        { name: 'net/models/', data: Buffer.from('') },
        { name: 'net/models/net/', data: Buffer.from('') },
        { name: 'net/models/net/__init__.py', data: Buffer.from("model_registry['net'] = f\n") },
        { name: 'net/models/net/test.py', data: one.dice.bytes(100) },
        { name: 'net/models/net/environment.yml', data: yamlOf(one) },
      ];
      const body = zipCase(parts, one.dice);
      const bytes = uploadBytes(door, '/v1/packages/check', 'application/zip', body);
      return outcome(await ask(await kept(one, bytes), { operation: checkPackage }));
    }),
    target('scores on damaged data', 6, (one) => scored(one, service, remove)),
    target('JSON bodies', 150, async (one) => {
      const operation = one.dice.pick(takesJson);
      const body = jsonCase(rightBody(operation, one.dice, known), one.dice);
      const right = requestOf(operation, one.dice, { ...requests, hostile: false });
      const headers = right.headers.filter(([name]) => name !== 'Content-Length');
      headers.push(['Content-Length', String(body.length)]);
      const bytes = requestBytes(`${right.method} ${right.path} HTTP/1.1`, headers, body);
      return outcome(await ask(await kept(one, bytes), { operation }));
    }),
    target('paths and queries', 110, async (one) => {
      const operation = one.dice.pick(operations);
      const right = requestOf(operation, one.dice, { ...requests, hostile: true });
      const method = one.dice.chance(0.9)
        ? right.method
        : one.dice.pick(['HEAD', 'PUT', 'OPTIONS', 'GET', 'POST', 'LINK']);
      const bytes = requestBytes(`${method} ${right.path} HTTP/1.1`, right.headers, right.body);
      const bodiless = method === 'HEAD';
      return outcome(await ask(await kept(one, bytes), { bodiless }));
    }),
    target('headers', 110, async (one) => {
      const right = requestOf(one.dice.pick(operations), one.dice, { ...requests, hostile: false });
      const { bytes, unfinished } = headerCase(right, one.dice);
      return outcome(await ask(await kept(one, bytes), { unfinished }));
    }),
    target('hardly HTTP', 50, async (one) => {
      const right = requestOf(one.dice.pick(operations), one.dice, { ...requests, hostile: false });
      const bytes = brokenRequest(right, one.dice);
      return outcome(
        await ask(await kept(one, bytes), {
          unfinished: true,
          bodiless: Buffer.from(bytes).includes('HEAD '),
        }),
      );
    }),
  ];
}

async function kept(one: FuzzCase, bytes: Uint8Array): Promise<Uint8Array> {
  await one.file('request.bin', bytes);
  return bytes;
}

const outcome = (answer: RawAnswer | undefined): string =>
  answer === undefined ? 'no answer' : String(answer.status);

function yamlOf({ dice }: FuzzCase): Uint8Array {
  return dice.chance(0.5) ? Buffer.from(definitions[0]) : yamlCase(definitions[0], dice);
}

/** A benchmark with a file that is damaged inside, which the process that scores must read. */
async function scored(
  one: FuzzCase,
  service: FuzzedService,
  remove: (path: string) => Promise<void>,
): Promise<string> {
  const data = benchmarkDamage.filter(([, file]) => file !== 'benchmark.yaml');
  const [folder, file] = one.dice.pick(data);
  const zip = benchmarkZip(folder, file, damagedFile(folder, file, one.dice));
  await one.file('benchmark.zip', zip);
  const bytes = uploadBytes(service.door, '/v1/benchmarks', 'application/zip', zip);
  const upload = await service.ask(bytes, { operation: uploadBenchmark });
  if (upload?.status !== 201) return outcome(upload);
  const { id, links } = upload.body as { id: string; links: { self: string } };
  const asked = { model: service.known.model, benchmarks: [id] };
  const job = await service.call('POST', '/v1/scores', asked);
  const { state, links: own } = job.body as { state: string; links: { self: string } };
  if (state === 'queued' || state === 'running') await service.call('DELETE', own.self);
  await remove(links.self);
  if (job.status >= 400 || faults.test(job.text))
    throw new Finding(`the job: ${job.text.slice(0, 1500)}`);
  return state;
}
