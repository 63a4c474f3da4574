import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeZip } from '../../src/formats/zip.js';
import { oraclePath } from '../oracle.js';
import {
  type Answer,
  card,
  network,
  type Part,
  type RunningService,
  runningService,
} from '../service/running-service.js';
import { locally, makeKey } from '../service/with-key.js';

/**
 * Two owners send equal bytes. Whatever the second one does must be answered as if it were alone: its
 * session beside the first one's is compared with the same session on a service of its own.
 */
let shared: RunningService;
let alone: RunningService;
let archive: Buffer;
let parts: readonly Part[];

beforeAll(async () => {
  // The real scoring process: it says what it took from the cache.
  [shared, alone] = [
    await runningService({ scoreScript: undefined }),
    await runningService({ scoreScript: undefined }),
  ];
  const folder = oraclePath('09-end-to-end/neural-csv');
  const names = await readdir(folder);
  const contents = await Promise.all(
    names.map(async (name) => ({
      name,
      data: await readFile(join(folder, name)),
      compress: true,
    })),
  );
  await writeZip(join(shared.home, 'a.zip'), contents);
  archive = await readFile(join(shared.home, 'a.zip'));
  await rm(join(shared.home, 'a.zip'));
  parts = [
    { name: 'file', filename: 'net.onnx', content: await network() },
    { name: 'card', content: await card() },
  ];
});
afterAll(async () => {
  await shared.stop();
  await alone.stop();
});

type Tenant = Awaited<ReturnType<typeof makeKey>>;
type Session = (readonly [string, Answer])[];

/** All that an owner does with a model and a benchmark of its own, and what it is answered. */
async function session(
  by: Tenant,
): Promise<{ answers: Session; model: string; benchmark: string }> {
  const answers: Session = [];
  const note = async (name: string, asked: Promise<Answer>) => {
    const answer = await asked;
    answers.push([name, answer]);
    return answer;
  };
  const wait = { Prefer: 'wait=60' };
  const { body: model } = await note('upload', by.upload(parts));
  await note('the same upload', by.upload(parts));
  const zip = { headers: { 'Content-Type': 'application/zip' }, body: archive };
  const { body: benchmark } = await note('benchmark', by.call('POST', '/v1/benchmarks', zip));
  await note('the same benchmark', by.call('POST', '/v1/benchmarks', zip));
  await note('a list', by.get('/v1/models'));
  await note('by digest', by.get(`/v1/models/${model.digest}`));
  await note('layers', by.get(`/v1/models/${model.id}/layers`));
  await note('content', by.get(`/v1/models/${model.id}/content`));
  await note('benchmarks', by.get('/v1/benchmarks'));
  await note('a change', by.patch(`/v1/models/${model.id}`, { name: 'mine' }));
  const asked = { model: model.id, benchmarks: [benchmark.id] };
  const keyed = { ...wait, 'Idempotency-Key': 'once' };
  const { body: job } = await note('a score', by.post('/v1/scores', asked, keyed));
  await note('its events', by.get(`/v1/scores/${job.id}/events`));
  await note('the score repeated', by.post('/v1/scores', asked, keyed));
  await note('the score again', by.post('/v1/scores', asked, wait));
  const asDigest = { ...asked, model: model.digest };
  await note('the score by digest', by.post('/v1/scores', asDigest, wait));
  const mapped = { ...asked, layers: ['layer3.0', 'avgpool'] };
  const { body: map } = await note('a map', by.post('/v1/layer-maps', mapped, wait));
  await note('events of the map', by.get(`/v1/layer-maps/${map.id}/events`));
  const { body: page } = await note('a page', by.get('/v1/scores?limit=1'));
  await note('the next page', by.get(`/v1/scores?limit=1&cursor=${page.next}`));
  await note('the leaderboard', by.get('/v1/leaderboard'));
  return { answers, model: model.id, benchmark: benchmark.id };
}

async function removal(by: Tenant, { model, benchmark }: { model: string; benchmark: string }) {
  const answers: Session = [];
  for (const path of [`/v1/models/${model}`, `/v1/benchmarks/${benchmark}`]) {
    answers.push([`removal of ${path}`, await by.remove(path)]);
    answers.push([`${path} removed`, await by.get(path)]);
  }
  answers.push(['what is left', await by.get('/v1/scores')]);
  return answers;
}

/** What differs by itself between two sessions: ids, times, measures of the machine. */
function comparable(answers: Session) {
  const ids = new Map<string, string>();
  const idOf = (id: string) => {
    if (!ids.has(id)) ids.set(id, `<${id.slice(0, 3)} ${ids.size}>`);
    return ids.get(id) as string;
  };
  const plain = (text: string) =>
    text
      .replaceAll(/\b(?:mdl|bmk|job|key)_[0-9a-z]{16}\b/g, idOf)
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
      .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uuid>')
      .replaceAll(/("(?:next|cursor)":)"[\w-]+"/g, '$1"<cursor>"')
      .replaceAll(/cursor=[\w-]+/g, 'cursor=<cursor>')
      .replaceAll(/"progress":\{[^}]*\}/g, '"progress":0')
      // Stages that pass between two looks are not told.
      .replaceAll(/"<time> Stage: [^"]+",/g, '')
      .replaceAll(/pk=:[\w+/=]+:/g, 'pk')
      .replaceAll(/"(seconds|peakRssMiB|etaSeconds)":[\d.e+-]+/g, '"$1":0');
  return answers.map(([name, { status, headers, text }]) => {
    const { date: _date, 'content-length': length, etag, ratelimit, ...others } = headers;
    const bytes = others['content-type'] === 'application/octet-stream';
    const body = bytes ? createHash('sha256').update(text).digest('hex') : plain(text);
    return {
      name: plain(name),
      status,
      headers: JSON.parse(plain(JSON.stringify(others))),
      // Of a document with ids and times the tag has to differ; that of bytes may not.
      etag: bytes ? etag : typeof etag,
      length: bytes ? length : typeof length,
      // The window of a minute may have started again, but not before the first answer.
      limit: String(ratelimit).replace(name === 'upload' ? /t=\d+/ : /r=\d+; t=\d+/, ''),
      body: others['content-type']?.startsWith('text/event-stream') ? story(body) : body,
    };
  });
}

/**
 * Events with their numbers closed up, but those of progress and of single cells: how many are told, and together, before the
 * answer that has them all, is a matter of time.
 */
const story = (text: string) =>
  text
    .split('\n\n')
    .map((event) => event.replace(/^id: \d+\n/, ''))
    .filter((event) => !event.startsWith('event: progress') && !event.startsWith(':'))
    .filter((event) => !(event.startsWith('event: result') && event.includes('"cells"')));

it('a second owner of equal bytes is answered as if it were the only one', async () => {
  const root = await makeKey(shared, { name: 'root', role: 'admin' });
  const [first, second] = [
    await makeKey(shared, { name: 'ada', role: 'member' }, root.key),
    await makeKey(shared, { name: 'otto', role: 'member' }, root.key),
  ];
  const single = await makeKey(alone, { name: 'otto', role: 'member' });

  const before = await session(first);
  const beside = await session(second);
  const byItself = await session(single);
  const found = comparable(beside.answers);
  expect(found).toEqual(comparable(byItself.answers));
  expect(found.map(({ status }) => status).filter((status) => status >= 400)).toEqual([]);
  process.stdout.write(`two owners of equal bytes: ${found.length} answers compared\n`);

  // What the first one has is untouched by all that, and neither sees what the other has.
  for (const path of [`/v1/models/${before.model}`, `/v1/benchmarks/${before.benchmark}`]) {
    expect((await first.get(path)).status).toBe(200);
    expect((await second.get(path)).status).toBe(404);
  }
  expect(comparable(await removal(second, beside))).toEqual(
    comparable(await removal(single, byItself)),
  );
  const content = await first.get(`/v1/models/${before.model}/content`);
  expect(content.status).toBe(200);
  const again = { model: before.model, benchmarks: [before.benchmark], layers: { IT: 'layer3.0' } };
  const rest = await first.post('/v1/scores', again, { Prefer: 'wait=60' });
  expect(rest.body).toMatchObject({ state: 'succeeded' });

  // With the last registration the bytes go.
  await removal(first, before);
  for (const folder of ['models', 'benchmarks']) {
    expect(await readdir(join(shared.home, folder))).toEqual([]);
  }
}, 300_000);

it('a group sees what is shown to it, and a key shows to its own groups alone', async () => {
  const root = await makeKey(shared, { name: 'root 2', role: 'admin' }, locally(shared));
  const make = (name: string, groups: readonly string[]) =>
    makeKey(shared, { name, role: 'member', groups }, root.key);
  const [ada, olga, otto] = [
    await make('ada g', ['vision']),
    await make('olga', ['vision', 'audition']),
    await make('otto g', []),
  ];
  const field = (name: string, content: string) => ({ name, content });
  const shown = await ada.upload([...parts, field('visibility', 'group')]);
  expect(shown).toMatchObject({ status: 201, body: { group: 'vision', visibility: 'group' } });
  const path = `/v1/models/${shown.body.id}`;
  expect((await olga.get(path)).body).toEqual(shown.body);
  expect((await otto.get(path)).status).toBe(404);
  expect((await olga.patch(path, { name: 'hers' })).status).toBe(403);

  const unknown = { status: 422, body: { type: '/problems/group-unknown' } };
  expect(await ada.patch(path, { group: 'audition' })).toMatchObject(unknown);
  expect(await olga.upload([...parts, field('visibility', 'group')])).toMatchObject(unknown);
  expect(await otto.upload([...parts, field('visibility', 'group')])).toMatchObject(unknown);
  const second = await olga.upload([
    ...parts,
    field('visibility', 'group'),
    field('group', 'audition'),
  ]);
  expect(second).toMatchObject({ status: 201, body: { owner: 'olga', group: 'audition' } });
  expect((await ada.get(`/v1/models/${second.body.id}`)).status).toBe(404);
  expect((await root.patch(path, { group: 'audition' })).body.group).toBe('audition');
  expect((await olga.get(path)).status).toBe(200);
  expect((await ada.patch(path, { visibility: 'private' })).body.visibility).toBe('private');
  expect((await olga.get(path)).status).toBe(404);
});
