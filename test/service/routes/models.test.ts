import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { madeVideoNetwork } from '../../activations/clip-networks.js';
import { oraclePath } from '../../oracle.js';
import {
  BOUNDARY,
  card,
  multipart,
  network,
  type Part,
  type RunningService,
  runningService,
} from '../running-service.js';

let service: RunningService;
let onnx: Buffer;
let yaml: string;
let digest: string;

beforeAll(async () => {
  service = await runningService({ uploadSize: 2_000_000 });
  onnx = await network();
  yaml = await card();
  digest = `sha256:${createHash('sha256').update(onnx).digest('hex')}`;
});
afterAll(() => service.stop());
afterEach(async () => {
  expect(await service.leftovers()).toEqual([]);
});

const file = (content: string | Uint8Array = onnx): Part => ({
  name: 'file',
  filename: 'net.onnx',
  content,
});
const part = (name: string, content: string): Part => ({ name, content });

describe('an upload', () => {
  it('is registered with its card, and again answers 200 with the same registration', async () => {
    const first = await service.upload([file(), part('card', yaml)]);
    expect(first).toMatchObject({
      status: 201,
      body: { digest, name: 'e2e-resnet', size: onnx.length, visibility: 'private' },
    });
    expect(first.headers.location).toBe(first.body.links.self);
    expect(first.body.card).toMatchObject({ visual_degrees: 8, readout: 'avgpool' });
    expect(first.body.card).not.toHaveProperty('file');
    const stored = join(service.home, 'models', digest.slice(7), 'model.onnx');
    expect(await readFile(stored)).toEqual(onnx);
    const unsaid = { family: null, trainingData: null, date: null, licence: null };
    const { parameters } = first.body.graph;
    expect(parameters).toBeGreaterThan(1000);
    expect(first.body.metadata).toEqual({ ...unsaid, parameters });
    const again = await service.upload([part('name', 'renamed'), file()]);
    expect(again).toMatchObject({ status: 200, body: { ...first.body, name: 'renamed' } });
  });

  it('takes the card as JSON, as a file, and before the file', async () => {
    const json = JSON.stringify({
      input: { resize: 'none', range: 1, mean: [0, 0, 0], std: [1, 1, 1], layout: 'NCHW' },
      visual_degrees: 6,
    });
    const answer = await service.upload([
      { name: 'card', filename: 'card.json', content: json },
      file(),
    ]);
    expect(answer).toMatchObject({ status: 200, body: { card: { visual_degrees: 6 } } });
  });

  it('carries what is most likely wrong in its card, its text included', async () => {
    const text = yaml
      .replace(/mean: .*/, 'mean: [123.7, 116.3, 103.5] # TODO: check')
      .replace(/visual_degrees: .*/, 'visual_degrees: 80');
    const { status, body } = await service.upload([file(), part('card', text)]);
    expect(status).toBe(200);
    const warned = body.warnings.map(({ code }: { code: string }) => code);
    expect(warned).toEqual(['card-template', 'card-mean', 'card-degrees']);
    expect(body.warnings[1].detail).toMatch(/mean 123\.7 with range 1\b.*range: 255/);
    const { body: shown } = await service.call('GET', `/v1/models/${body.id}`);
    expect(shown.warnings).toEqual(body.warnings.slice(1));
    await service.upload([file(), part('card', yaml)]);
    const { body: mended } = await service.call('GET', `/v1/models/${body.id}`);
    expect(mended.warnings).toEqual([]);
  });

  it('says where the card does not fit the input of the graph', async () => {
    const text = yaml.replace(/to: \d+/, 'to: 64').replace(/crop: .*/, 'crop: 64');
    const fixed = new GraphBuilder('fixed');
    fixed.input('image', 'float32', ['N', 3, 48, 48]);
    fixed.node('Relu', ['image'], { outputs: ['relu'] });
    fixed.output('relu', 'float32', ['N', 3, 48, 48]);
    const upload = [file(fixed.build()), part('card', text)];
    const { body } = await service.upload(upload);
    const ofInput = {
      code: 'card-input',
      detail: expect.stringMatching(/48 × 48 pixels.*64 × 64/),
    };
    // And, as `ventral card check` does, which of its layers the graph lacks; again where the file is known.
    const lacking = {
      code: 'card-layer',
      detail: expect.stringMatching(/^readout: .*has no layer avgpool/),
    };
    for (const { warnings } of [body, (await service.upload(upload)).body]) {
      expect(warnings.slice(0, 2)).toEqual([ofInput, lacking]);
      const others = new Set(warnings.slice(2).map(({ code }: { code: string }) => code));
      expect(others).toEqual(new Set(['card-layer']));
    }
    const { body: shown } = await service.get(`/v1/models/${body.id}`);
    expect(shown.warnings).toEqual([ofInput]);
    await service.call('DELETE', `/v1/models/${body.id}`);
  });

  it('says which other registration is the same network of a hub in another precision', async () => {
    const upload = (name: string, weights: string) => {
      const graph = new GraphBuilder(name);
      graph.input('image', 'float32', ['N', 3, 48, 48]);
      graph.node('Relu', ['image'], { outputs: ['relu'] });
      graph.output('relu', 'float32', ['N', 3, 48, 48]);
      const origin = { hub: 'hf:owner/net', commit: '0'.repeat(40), sha256: '0'.repeat(64) };
      const source = JSON.stringify({ ...origin, file: `onnx/${name}.onnx`, weights });
      return service.upload([
        file(graph.build()),
        part('card', `${yaml}source: ${source}\n`),
        part('name', name),
      ]);
    };
    const precision = ({ code }: { code: string }) => code === 'card-precision';
    const { body: whole } = await upload('model', 'float32');
    expect(whole.warnings.filter(precision)).toEqual([]);
    const { body: half } = await upload('model_fp16', 'float16');
    expect(half.warnings.filter(precision)).toEqual([
      {
        code: 'card-precision',
        detail: expect.stringMatching(
          /^model_fp16 \(float16\) and model \(float32\) are one network/,
        ),
      },
    ]);
    for (const { id } of [whole, half]) await service.call('DELETE', `/v1/models/${id}`);
  });

  it('is refused where the network takes more than one image', async () => {
    const graph = new GraphBuilder('three');
    for (const name of ['left', 'right', 'mask']) graph.input(name, 'float32', ['N', 3, 8, 8]);
    graph.node('Sum', ['left', 'right', 'mask'], { outputs: ['sum'] });
    graph.output('sum', 'float32', ['N', 3, 8, 8]);
    const { status, body } = await service.upload([file(graph.build())]);
    expect([status, body.type]).toEqual([422, '/problems/input-mismatch']);
    expect(body.detail).toMatch(/one image input.*3: left .*right .*mask/);
  });

  it('once for several at a time', async () => {
    const folded = await readFile(oraclePath('09-end-to-end/resnet/folded.onnx'));
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => service.upload([file(folded)])),
    );
    expect(answers.map((answer) => answer.status).toSorted()).toEqual([200, 200, 200, 200, 201]);
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
    expect((await service.call('DELETE', `/v1/models/${answers[0].body.id}`)).status).toBe(204);
  });

  const big = Buffer.alloc(3_000_000, 7);
  const refused: [string, () => readonly Part[], number, string, string | undefined][] = [
    ['garbage', () => [file('not a model'.repeat(50))], 422, 'not-onnx', undefined],
    [
      'a network that is cut short',
      () => [file(onnx.subarray(0, 5000))],
      422,
      'onnx-truncated',
      undefined,
    ],
    ['nothing in the file', () => [file('')], 422, 'not-onnx', undefined],
    ['no file', () => [part('card', yaml)], 400, 'invalid-request', '/file'],
    ['two files', () => [file(), file()], 400, 'invalid-request', '/file'],
    [
      'two cards',
      () => [file(), part('card', yaml), part('card', yaml)],
      400,
      'invalid-request',
      '/card',
    ],
    ['an unknown part', () => [file(), part('owner', 'me')], 400, 'invalid-request', '/owner'],
    [
      'too many parts',
      () => [...'abcdef'].map((name) => part(name, 'x')),
      400,
      'invalid-request',
      '/a',
    ],
    ['a file that is too large', () => [file(big)], 413, 'too-large', '/file'],
    [
      'a card that is too large',
      () => [file(), part('card', ' '.repeat(300_000))],
      413,
      'too-large',
      '/card',
    ],
    ['a name of two lines', () => [file(), part('name', 'a\nb')], 400, 'invalid-request', '/name'],
    [
      'an unknown visibility',
      () => [file(), part('visibility', 'all')],
      400,
      'invalid-request',
      '/visibility',
    ],
    [
      'a card that is wrong',
      () => [file(), part('card', yaml.replace('range: 1', 'range: none'))],
      422,
      'card-invalid',
      '/card/input/range',
    ],
    ['a card that is no YAML', () => [file(), part('card', '{')], 422, 'card-invalid', '/card'],
    [
      'a card that names a place',
      () => [file(), part('card', yaml.replace('model.onnx', '../../etc/passwd'))],
      422,
      'card-invalid',
      '/card/file',
    ],
    [
      'a card that builds',
      () => [file(), part('card', yaml.replace('file: model.onnx', 'build: build.js'))],
      422,
      'card-invalid',
      '/card/build',
    ],
  ];
  it.each(refused)('with %s is refused', async (_what, parts, status, code, pointer) => {
    const answer = await service.upload(parts());
    expect(answer).toMatchObject({ status, body: { type: `/problems/${code}`, status } });
    expect(answer.headers['content-type']).toMatch('application/problem+json');
    expect(answer.body.errors?.[0].pointer).toBe(pointer);
    expect(answer.body.requestId).toBe(answer.headers['x-request-id']);
  });

  it('keeps what no database stores out of its name and card', async () => {
    const odd = Buffer.concat([onnx, Buffer.from([0x72, 0])]);
    const name = JSON.stringify('a\u0000b\nc\ud800');
    const answer = await service.upload([
      file(odd),
      part('card', yaml.replace('e2e-resnet', name)),
    ]);
    expect(answer).toMatchObject({
      status: 201,
      body: { name: 'abc', card: { name: 'a\ufffdb\nc\ufffd' } },
    });
    expect((await service.call('DELETE', answer.body.links.self)).status).toBe(204);
  });

  it('however broken is answered, and leaves nothing', async () => {
    const { headers, body } = multipart([
      part('card', yaml),
      part('name', 'x'),
      file('0123456789'.repeat(20)),
    ]);
    const whole = body as Buffer;
    const cut = fc.tuple(fc.nat(whole.length), fc.nat(40), fc.uint8Array({ maxLength: 40 }));
    const broken = fc.oneof(
      cut.map(([at, drop, put]) =>
        Buffer.concat([whole.subarray(0, at), put, whole.subarray(at + drop)]),
      ),
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    );
    await fc.assert(
      fc.asyncProperty(broken, async (bytes) => {
        const answer = await service.call('POST', '/v1/models', { headers, body: bytes });
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expect(await service.leftovers()).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    [
      'without its last boundary',
      (body: Buffer) => body.subarray(0, body.length - BOUNDARY.length - 8),
    ],
    ['that ends within the file', (body: Buffer) => body.subarray(0, 6000)],
    ['without any boundary', () => Buffer.from('hello')],
    ['that is empty', () => Buffer.alloc(0)],
  ])('%s is refused', async (_what, cut) => {
    const { headers, body } = multipart([part('card', yaml), file()]);
    const answer = await service.call('POST', '/v1/models', { headers, body: cut(body as Buffer) });
    expect(answer).toMatchObject({ status: 400, body: { type: '/problems/invalid-request' } });
  });

  it.each([
    ['application/json'],
    ['multipart/form-data'],
    ['text/plain; multipart/form-data; boundary=x'],
  ])('as %s is 415', async (type) => {
    const answer = await service.call('POST', '/v1/models', {
      headers: { 'Content-Type': type },
      body: 'x',
    });
    expect(answer).toMatchObject({
      status: 415,
      body: { type: '/problems/unsupported-media-type' },
    });
  });

  it('whose client goes away leaves nothing', async () => {
    const { headers, body } = multipart([file()]);
    const sent = request(`${service.url}/v1/models`, {
      method: 'POST',
      headers: { ...headers, 'Content-Length': String(body!.length) },
    });
    sent.on('error', () => {});
    sent.write((body as Buffer).subarray(0, 8000));
    while ((await service.leftovers()).length === 0) await sleep(5);
    sent.destroy();
    for (let i = 0; i < 100 && (await service.leftovers()).length > 0; i++) await sleep(20);
  });
});

describe('a registered model', () => {
  it('is found by id and digest, listed by pages, and gives its bytes', async () => {
    const { body } = await service.get(`/v1/models/${digest}`);
    expect(await service.get(`/v1/models/${body.id}`)).toMatchObject({ status: 200, body });
    const folded = await readFile(oraclePath('09-end-to-end/resnet/folded.onnx'));
    const other = await service.upload([file(folded)]);
    expect(other).toMatchObject({ status: 201, body: { name: 'net', card: null } });
    const first = await service.client.GET('/models', { params: { query: { limit: 1 } } });
    expect(first.data?.items.map(({ id }) => id)).toEqual([other.body.id]);
    const second = await service.get(`/v1/models?limit=1&cursor=${first.data?.next}`);
    expect(second.body).toMatchObject({ items: [{ id: body.id }], next: null });
    const ofBytes = await service.get(`/v1/models?digest=${digest}`);
    expect(ofBytes.body.items).toEqual([body]);
    const ofNone = await service.get(`/v1/models?digest=sha256:${'0'.repeat(64)}`);
    expect(ofNone).toMatchObject({ status: 200, body: { items: [], next: null } });
    const content = await fetch(`${service.url}/v1/models/${body.id}/content`);
    expect(Buffer.from(await content.arrayBuffer())).toEqual(onnx);
    expect(content.headers.get('content-disposition')).toBe(
      `attachment; filename=${body.name}.onnx`,
    );
    expect(content.headers.get('x-content-type-options')).toBe('nosniff');
    expect((await service.call('DELETE', `/v1/models/${other.body.id}`)).status).toBe(204);
    expect((await service.get(`/v1/models/${other.body.id}`)).status).toBe(404);
  });

  it('gives a card to complete where it has none, and its own where it has one', async () => {
    const folded = await readFile(oraclePath('09-end-to-end/resnet/folded.onnx'));
    const { body } = await service.upload([file(folded)]);
    const draft = (id: string) =>
      service.client.GET('/models/{model}/card', { params: { path: { model: id } } });
    const { data } = await draft(body.id);
    expect(data?.open).toEqual(expect.arrayContaining(['/input/mean', '/visual_degrees']));
    expect(data?.card).toMatchObject({ name: 'net', input: { layout: 'NCHW' }, visual_degrees: 8 });
    expect(data?.layers).toContain('layer1');
    const preset = data?.presets.find(({ name }) => name === 'torchvision');
    expect(preset?.input).toMatchObject({ mean: [0.485, 0.456, 0.406] });
    const completed = { ...data?.card, input: preset?.input };
    const changed = await service.client.PATCH('/models/{model}', {
      params: { path: { model: body.id } },
      body: { card: completed },
    });
    expect(changed.data?.card).toEqual(completed);
    const again = await draft(body.id);
    expect(again.data).toMatchObject({ card: completed, open: [] });
    await service.call('DELETE', `/v1/models/${body.id}`);
  });

  it('of videos is registered, warns of axes that nothing explains, and lists its layers once a card does', async () => {
    const network = Buffer.from(madeVideoNetwork({ frames: 3, side: 8 }).build());
    const input = { resize: 'none', range: 255, mean: [0, 0, 0], std: [1, 1, 1] };
    const card = (axes: object) => ({ input: { ...input, ...axes }, visual_degrees: 8 });
    const upload = [file(network), part('card', JSON.stringify(card({})))];
    const { status, body } = await service.upload(upload);
    expect(status).toBe(201);
    expect(body.warnings).toMatchObject([
      {
        code: 'card-input',
        detail: expect.stringContaining('layout: NCTHW or layout: NTCHW under input in the card'),
      },
    ]);
    const params = { path: { model: body.id } };
    const draft = await service.client.GET('/models/{model}/card', { params });
    expect(draft.data?.presets[0].input).toMatchObject({ layout: 'NCTHW', frames: 3 });
    const changed = await service.client.PATCH('/models/{model}', {
      params,
      body: { card: card({ layout: 'NCTHW' }) },
    });
    expect(changed.data?.warnings).toEqual([]);
    const { data } = await service.client.GET('/models/{model}/layers', { params });
    const conv = data?.layers.find(({ name }) => name === 'conv');
    expect(conv).toMatchObject({ shape: [4, 3, 4, 4], units: 192 });
    await service.call('DELETE', `/v1/models/${body.id}`);
  });

  it('lists its layers', async () => {
    const { data } = await service.client.GET('/models/{model}/layers', {
      params: { path: { model: digest } },
    });
    expect(data?.model).toBe(digest);
    expect(data?.layers.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['layer1.0', 'avgpool']),
    );
  });

  it('changes name, visibility and card', async () => {
    const change = (body: unknown) =>
      service.call('PATCH', `/v1/models/${digest}`, {
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect(await change({ name: 'other', visibility: 'public' })).toMatchObject({
      status: 200,
      body: { name: 'other', visibility: 'public' },
    });
    expect(await change({ card: { visual_degrees: 8 } })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/card' }] },
    });
    const input = { resize: 'none', range: -1, mean: [0, 0], std: [1, 1, 1] };
    expect(await change({ card: { input, visual_degrees: 8 } })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/card/input/range' }, { pointer: '/card/input/mean' }] },
    });
    const { card: before, metadata } = (await service.get(`/v1/models/${digest}`)).body;
    const facts = {
      parameters: 12,
      family: 'resnet',
      training_data: ['cifar-10'],
      date: '2016-05',
    };
    const { body: described } = await change({ card: { ...before, ...facts, licence: 'MIT' } });
    expect(described.metadata).toEqual({
      ...{ parameters: 12, family: 'resnet', trainingData: ['cifar-10'] },
      ...{ date: '2016-05', licence: 'MIT' },
    });
    expect((await service.get(`/v1/models/${digest}`)).body).toEqual(described);
    const wrong = { ...before, family: 'a,b', date: '2016-13', training_data: ['none'] };
    const refused = (await change({ card: wrong })).body;
    expect(refused.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      ...['/card/date', '/card/family', '/card/training_data/0'],
    ]);
    expect((await change({ card: before })).body.metadata).toEqual(metadata);
    expect((await change({ owner: 'me' })).status).toBe(400);
    expect((await change({})).status).toBe(400);
  });

  it('that is not there is 404', async () => {
    for (const path of [
      'mdl_nope',
      `sha256:${'0'.repeat(64)}`,
      'mdl_nope/layers',
      'mdl_nope/content',
      '..%2f..%2fetc',
    ]) {
      expect(await service.get(`/v1/models/${path}`)).toMatchObject({
        status: 404,
        body: { type: '/problems/not-found' },
      });
    }
    expect((await service.call('DELETE', '/v1/models/mdl_nope')).status).toBe(404);
  });
});

describe('a model that ventral ships', () => {
  it('is shown under its name with its layers and bytes, and stays as it is', async () => {
    const { status, body } = await service.get('/v1/models/gabor-v1');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: 'gabor-v1',
      owner: 'ventral',
      visibility: 'public',
      createdAt: null,
      card: { name: 'gabor-v1' },
      graph: { opset: expect.any(Number), parameters: expect.any(Number) },
    });
    const bytes = Buffer.from(
      await (await fetch(`${service.url}${body.links.content}`)).arrayBuffer(),
    );
    expect(bytes.length).toBe(body.size);
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(body.digest);
    const { layers } = (await service.get(body.links.layers)).body;
    expect(layers).toContainEqual(expect.objectContaining({ name: 'complex' }));
    expect((await service.call('DELETE', '/v1/models/gabor-v1')).status).toBe(403);
    expect((await service.get('/v1/models/gabor')).status).toBe(404);
  });
});
