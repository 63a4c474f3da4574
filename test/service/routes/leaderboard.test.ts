import { rm } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommandLine } from '../../../src/cli/command-line.js';
import { listBenchmarks } from '../../../src/scoring/registry/registry.js';
import { openHomeStore } from '../../../src/store/home-store.js';
import { madePlace, type StorePlace } from '../../store/engines.js';
import {
  digestFor,
  type MadeScore,
  madeModel,
  madeScores,
  madeUpload,
} from '../../store/made-scores.js';
import { type RunningService, runningService, suiteEngine } from '../running-service.js';

const V1 = 'FreemanZiemba2013.V1-pls';
const V2 = 'FreemanZiemba2013.V2-pls';
const V4 = 'MajajHong2015.V4-pls';
const IT = 'MajajHong2015.IT-pls';
const I2N = 'Rajalingham2018-i2n';
const TOP = 'Geirhos2021colour-top1';
const HOSTILE = '=cmd|"/c calc"!A1,<b>|*_`[x](http://y)';

const SPOKEN = { to: 'images and neuroids', units: { neuroids: 102, images: 315 }, degrees: 101 };

const BEST = {
  ...{ parameters: 25_557_032, family: 'resnet' },
  ...{ training_data: ['ImageNet-21k', 'imagenet-1k'], date: 2015 },
  source: { licence: 'MIT' },
};

const versions = new Map(listBenchmarks().map(({ id, version }) => [id, version]));
let service: RunningService;

beforeAll(async () => {
  const place = await madePlace(suiteEngine, 'ventral-leaderboard-');
  await fill(place);
  service = await runningService(place);
});
afterAll(async () => {
  await service.stop();
  await rm(service.home, { recursive: true, force: true });
});

/** Scores on the versions that are shipped. */
const at = (scores: Record<string, number | Partial<MadeScore>>) =>
  Object.fromEntries(
    Object.entries(scores).map(([id, made]): [string, MadeScore] => [
      id,
      {
        value: null,
        version: versions.get(id) ?? 1,
        ...(typeof made === 'number' ? { value: made } : made),
      },
    ]),
  );

/** Four models of alice, one of bob, a shipped one; an upload of alice. */
async function fill(place: StorePlace): Promise<void> {
  const store = await openHomeStore(place.home, place);
  const { database } = store;
  const model = async (id: string, scores: Parameters<typeof at>[0], made: object) => {
    await madeModel(database, `mdl_${id}`, { owner: 'alice', ...made });
    await madeScores(database, {
      ...{ id: `job_${id}`, model: `mdl_${id}`, owner: 'alice', scores: at(scores) },
    });
  };
  await model(
    'best',
    { [V1]: { value: 0.6, generalises: SPOKEN }, [V2]: 0.4, [V4]: 0.6, [IT]: 0.6, [I2N]: 0.5 },
    { name: 'best', card: BEST },
  );
  await model(
    'near',
    { [V1]: 0.6, [V2]: 0.4, [V4]: 0.6, [IT]: 0.59, [I2N]: 0.5 },
    { name: 'near', card: { weights: 'trained', family: 'ViT', parameters: 86_567_656 } },
  );
  await model(
    'some',
    { [V1]: 0.3, [V2]: { value: 0.9, selection: true }, [TOP]: 0.7 },
    { name: HOSTILE, visibility: 'private' },
  );
  await model('made', { 'Simulated.V1-pls': 0.9, 'Simulatedpublic.V1-pls': 0.8 }, { name: 'made' });
  await madeModel(database, 'mdl_bob', { owner: 'bob', name: 'bobs net' });
  await madeUpload(database, 'bmk_one', [{ id: 'lab.V1', region: 'V1' }], {
    ...{ owner: 'alice', visibility: 'private' },
  });
  await madeUpload(
    database,
    'bmk_two',
    [
      { id: 'pair.V1', region: 'V1' },
      { id: 'pair.V4', region: 'V4' },
    ],
    { owner: 'alice' },
  );
  await madeScores(database, {
    id: 'job_bob',
    model: 'mdl_bob',
    owner: 'bob',
    scores: at({ [V1]: 0.2, 'FreemanZiemba2013public.V1-pls': 0.3 }),
  });
  await madeScores(database, {
    id: 'job_uploads',
    model: 'mdl_bob',
    owner: 'alice',
    sources: ['bmk_one', 'bmk_two'],
    scores: at({ 'lab.V1': 0.25, 'pair.V1': 0.35, 'pair.V4': 0.45 }),
  });
  await madeScores(database, {
    ...{ id: 'job_pixels', model: 'pixels', owner: 'ventral', scores: at({ [V1]: 0.1 }) },
  });
  await store.close();
}

const board = (query: Record<string, string | readonly string[]> = {}, headers = {}) => {
  const parameters = new URLSearchParams(
    Object.entries(query).flatMap(([key, values]) =>
      [values].flat().map((one): [string, string] => [key, one]),
    ),
  );
  return service.call('GET', `/v1/leaderboard?${parameters}`, { headers });
};
const names = ({ body }: Awaited<ReturnType<typeof board>>) =>
  body.items.map(({ name }: { name: string }) => name);
// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
const itemOf = ({ body }: Awaited<ReturnType<typeof board>>, model: string): any =>
  body.items.find((item: { model: string }) => item.model === model);

describe('the leaderboard', () => {
  it('averages real, private sets, ranks and says what is tied', async () => {
    const answer = await board();
    expect(answer).toMatchObject({ status: 200, body: { models: 5, next: null } });
    expect(names(answer)).toEqual(['best', 'near', HOSTILE, 'bobs net', 'pixels']);
    const ids = answer.body.columns.map(({ id }: { id: string }) => id);
    expect(ids.slice(0, 3)).toEqual(['average', 'neural', 'V1']);
    expect(ids.filter((id: string) => /public|imulated/.test(id))).toEqual([]);
    // Uploads stand beside the tree.
    const uploads = ['bmk_one', 'bmk_two.V1', 'bmk_two.V4'];
    expect(ids.slice(-3)).toEqual(uploads);
    for (const column of answer.body.columns.slice(-3))
      expect(column).toMatchObject({ parent: null, origin: 'uploaded' });
    const best = itemOf(answer, 'mdl_best');
    const m = best.averages.average.m;
    // V1 is the mean of FreemanZiemba2013 and of Marques2020, whose 22 properties have no score here.
    expect(best.averages.neural).toMatchObject({ n: 4, m: 26 });
    expect(best.averages.V1).toMatchObject({ value: 0.3, n: 1, m: 23 });
    expect(best.averages['V1-orientation']).toMatchObject({ value: null, n: 0, m: 7 });
    expect(best.averages.neural.value).toBeCloseTo(0.475, 12);
    expect(best.averages.average).toMatchObject({ n: 5, m });
    // Behaviour is the mean of i2n and the node of Geirhos2021, which has no score.
    expect(best.averages.behavior.value).toBeCloseTo(0.25, 12);
    expect(best.averages.average.value).toBeCloseTo(0.3625, 12);
    expect(best.averages.average.ci[0]).toBeLessThan(0.3625);
    expect(answer.body.items.map(({ rank }: { rank: number }) => rank)).toEqual([1, 1, 3, 4, 4]);
    const shared = ({ rankShared }: { rankShared: boolean }) => rankShared;
    expect(answer.body.items.map(shared)).toEqual([true, true, false, true, true]);
    expect(best.tied).toEqual({ withBest: true, total: 1, models: ['mdl_near'] });
    expect(itemOf(answer, 'mdl_bob').tied.withBest).toBe(false);
    expect(best).toMatchObject({
      ...{ owner: 'alice', visibility: 'public', digest: digestFor('mdl_best') },
      links: { model: '/v1/models/mdl_best' },
      scores: { [V1]: { value: 0.6, error: 0.01, selection: false, job: 'job_best' } },
    });
    expect(itemOf(answer, 'pixels')).toMatchObject({
      ...{ owner: 'ventral', weights: 'control', links: {} },
    });
    expect(itemOf(answer, 'mdl_best').weights).toBeNull();
    expect(answer.body.total).toBe(5);
  });

  it('says of each column what its intervals speak of, as its scores do', async () => {
    const spoken = async (model: string) =>
      (await board({ model })).body.columns.filter((column: object) => 'generalises' in column);
    expect(await spoken('mdl_best')).toEqual([
      expect.objectContaining({ id: V1, generalises: SPOKEN }),
    ]);
    expect(await spoken('pixels')).toEqual([]);
  });

  it('marks selection scores and leaves them out unless asked', async () => {
    const left = itemOf(await board(), 'mdl_some');
    expect(left.scores[V2]).toMatchObject({ value: 0.9, selection: true });
    expect(left.averages.V2).toMatchObject({ value: null, n: 0 });
    expect(left.averages.engineering).toMatchObject({ n: 1 });
    const taken = itemOf(await board({ selection: 'include' }), 'mdl_some');
    expect(taken.averages.V2).toMatchObject({ value: 0.9, n: 1 });
  });

  it('shows the models that are named alone, by id, digest or shipped name', async () => {
    const model = ['mdl_bob', digestFor('mdl_best'), 'mdl_none'];
    const answer = await board({ model, missing: 'common' });
    expect(names(answer)).toEqual(['best', 'bobs net']);
    // What these two have in common is V1 alone.
    expect(itemOf(answer, 'mdl_best').averages.neural).toMatchObject({ value: 0.6, n: 1 });
    expect(itemOf(answer, 'mdl_bob').rank).toBe(2);
    expect(names(await board({ model: 'pixels' }))).toEqual(['pixels']);
  });

  it('averages over common benchmarks of the models named', async () => {
    const all = itemOf(await board({ missing: 'common' }), 'mdl_best');
    expect(all.averages.average).toMatchObject({ value: 0.6, n: 1 });
    const two = await board({ missing: 'common', model: ['mdl_best', 'mdl_near'] });
    expect(names(two)).toEqual(['best', 'near']);
    expect(itemOf(two, 'mdl_best').averages.average).toMatchObject({ n: 5 });
    expect(itemOf(two, 'mdl_best').averages.average.value).toBeCloseTo((0.55 + 0.5) / 2, 12);
  });

  it('filters models without changing anything of those that are left', async () => {
    for (const missing of ['zero', 'common']) {
      const all = await board({ missing });
      const shown = async (query: object, expected: string[]) => {
        const { body } = await board({ missing, ...query });
        expect(body.items.map(({ model }: { model: string }) => model)).toEqual(expected);
        expect(body).toMatchObject({ models: expected.length, total: 5 });
        expect(body.items).toEqual(expected.map((model) => itemOf(all, model)));
      };
      await shown({ search: 'NET' }, ['mdl_bob']);
      await shown({ search: 'net  bob' }, ['mdl_bob']);
      await shown({ search: '%' }, []);
      await shown({ search: 'e', owner: 'alice', visibility: 'public' }, ['mdl_best', 'mdl_near']);
      await shown({ owner: 'alice', visibility: 'private' }, ['mdl_some']);
      await shown({ owner: 'ventral' }, ['pixels']);
    }
  });

  it('tells what cards say of models, and filters by it', async () => {
    const all = await board();
    expect(itemOf(all, 'mdl_best')).toMatchObject({
      weights: null,
      metadata: {
        ...{ parameters: 25_557_032, family: 'resnet', date: '2015', licence: 'MIT' },
        trainingData: ['ImageNet-21k', 'imagenet-1k'],
      },
    });
    expect(itemOf(all, 'pixels').metadata).toMatchObject({ parameters: 0, trainingData: [] });
    const shown = async (query: Record<string, string>, expected: string[], listed?: string[]) => {
      const { body } = await board(query);
      expect(body).toMatchObject({ models: expected.length, total: 5 });
      expect(body.items).toEqual(expected.map((model) => itemOf(all, model)));
      const models = await service.call('GET', `/v1/models?${new URLSearchParams(query)}`);
      const known = models.body.items.map(({ id }: { id: string }) => id).sort();
      // The one that was scored on simulated benchmarks alone, and no shipped one.
      const kept = ['mdl_made', ...expected].filter((id) => id !== 'pixels' && id !== 'mdl_made');
      expect(known).toEqual(listed ?? kept.sort());
    };
    const silent = ['mdl_bob', 'mdl_made', 'mdl_some'];
    await shown({ family: 'resnet,vit' }, ['mdl_best', 'mdl_near']);
    await shown({ family: 'Vit', weights: '!random' }, ['mdl_near']);
    await shown({ family: '!resnet,!unknown' }, ['mdl_near', 'pixels']);
    await shown({ family: 'unknown' }, ['mdl_some', 'mdl_bob'], silent);
    await shown({ parameters: '1M..30M' }, ['mdl_best']);
    await shown({ parameters: '..1k,50M..' }, ['mdl_near', 'pixels']);
    await shown({ parameters: '!1M..30M,!unknown' }, ['mdl_near', 'pixels']);
    await shown({ training_data: 'imagenet-21k' }, ['mdl_best']);
    await shown({ training_data: 'none' }, ['pixels']);
    await shown({ training_data: '!none,!unknown' }, ['mdl_best']);
    await shown({ date: '2014..2016' }, ['mdl_best']);
    await shown({ licence: 'mit' }, ['mdl_best']);
    await shown({ weights: 'control' }, ['pixels']);
    expect(names(await board({ sort: '-parameters' })).slice(0, 3)).toEqual([
      ...['near', 'best', 'pixels'],
    ]);
    const page = await board({ sort: 'family', limit: '1' });
    const next = await board({ sort: 'family', limit: '1', cursor: page.body.next });
    expect([...names(page), ...names(next)]).toEqual(['pixels', 'best']);
    for (const path of ['/v1/leaderboard', '/v1/models'])
      expect((await service.call('GET', `${path}?parameters=lots`)).body).toMatchObject({
        ...{ status: 400, type: '/problems/invalid-request' },
        errors: [
          { pointer: '/query/parameters', detail: expect.stringMatching(/1M\.\.30M.*"lots"/) },
        ],
      });
  });

  it('shows simulated scores under a root of their own', async () => {
    const answer = await board({ simulated: 'true' });
    expect(names(answer)).toEqual(['made']);
    const ids = answer.body.columns.map(({ id }: { id: string }) => id);
    expect(ids[0]).toBe('simulated');
    expect(ids).not.toContain('average');
    expect(answer.body.items[0]).toMatchObject({
      rank: 1,
      averages: { 'simulated.V1': { value: 0.9 } },
      scores: { 'Simulated.V1-pls': { value: 0.9 } },
    });
    const open = await board({ simulated: 'true', set: 'public' });
    expect(open.body.items[0].averages['simulated.V1'].value).toBe(0.8);
  });

  it('shows the benchmarks, sets and regions that are asked for', async () => {
    const open = await board({ set: 'public' });
    expect(itemOf(open, 'mdl_bob').averages.V1).toMatchObject({ value: 0.15, n: 1, m: 23 });
    const some = await board({ region: ['V1', 'V4'] });
    const shown = some.body.columns.map(({ id }: { id: string }) => id);
    expect(shown.filter((id: string) => !/^Marques2020_|^V1-/.test(id))).toEqual([
      ...['average', 'neural', 'V1', 'Marques2020', V1, 'V4', V4],
      ...['bmk_one', 'bmk_two.V1', 'bmk_two.V4'],
    ]);
    expect(shown.filter((id: string) => id.startsWith('Marques2020_'))).toHaveLength(22);
    const own = await board({ benchmark: ['bmk_one', 'bmk_two', V4] });
    expect(itemOf(own, 'mdl_bob').scores).toMatchObject({
      bmk_one: { value: 0.25 },
      'bmk_two.V1': { value: 0.35 },
      'bmk_two.V4': { value: 0.45 },
    });
    expect(itemOf(own, 'mdl_bob').averages.V1.value).toBeCloseTo(0.3, 12);
    expect(own.body.columns).toContainEqual({
      ...{ id: 'bmk_two.V4', kind: 'benchmark', parent: 'V4', benchmark: 'pair.V4', version: 1 },
      ...{ title: 'pair.V4', origin: 'uploaded' },
    });
    const none = await board({ region: 'V2', benchmark: V4 });
    expect(none).toMatchObject({ status: 200, body: { columns: [], items: [], models: 0 } });
  });

  it('sorts by any column, what has no value last', async () => {
    expect(names(await board({ sort: 'name' }))).toEqual([
      ...[HOSTILE, 'best', 'bobs net', 'near', 'pixels'],
    ]);
    expect(names(await board({ sort: IT }))).toEqual([
      ...['near', 'best', HOSTILE, 'bobs net', 'pixels'],
    ]);
    expect(names(await board({ sort: `-${IT}` })).slice(0, 2)).toEqual(['best', 'near']);
    const formula = await board({ column: 'mean(V1, 1) - IT', sort: '-column.0' });
    expect(names(formula).slice(0, 2)).toEqual(['near', 'best']);
    expect(itemOf(formula, 'mdl_best').formulas[0].value).toBeCloseTo(0.05, 12);
    expect(itemOf(formula, 'pixels').formulas[0]).toEqual({ value: null, ci: null });
    expect((await board({ sort: 'averge' })).body).toMatchObject({
      ...{ status: 422, type: '/problems/column-unknown' },
      errors: [{ pointer: '/query/sort' }],
    });
  });

  it('goes in pages that hold every model once, and links the next', async () => {
    for (const sort of ['-average', 'name', `-${IT}`, 'engineering']) {
      const all = names(await board({ sort }));
      const seen: string[] = [];
      let path: string | undefined = `/v1/leaderboard?sort=${sort}&limit=2`;
      while (path) {
        const page = await service.get(path);
        seen.push(...names(page));
        path = /^<(.*)>; rel="next"$/.exec(page.headers.link?.toString() ?? '')?.[1];
        expect(Boolean(path)).toBe(page.body.next !== null);
      }
      expect(seen).toEqual(all);
    }
    expect((await board({ limit: '201' })).status).toBe(400);
    const all = names(await board({}));
    const part = await board({ offset: '1', limit: '2' });
    expect(names(part)).toEqual(all.slice(1, 3));
    expect(names(await board({ limit: '1', cursor: part.body.next, offset: '1' }))).toEqual([
      all[3],
    ]);
    expect(names(await board({ offset: '1000' }))).toEqual([]);
    expect((await board({ offset: '-1' })).status).toBe(400);
    for (const cursor of ['x', 'bnVsbA', Buffer.from('{"a":1}').toString('base64url')])
      expect((await board({ cursor })).body.errors[0].pointer).toBe('/query/cursor');
  });
});

describe('formula columns', () => {
  it('are computed for every model', async () => {
    const answer = await board({
      column: ['0.5*V1 + 0.5*behavior', `b("${V1}")^2`, 'b("bmk_two.V4") - b("bmk_one")'],
    });
    const best = itemOf(answer, 'mdl_best');
    expect(best.formulas[0].value).toBeCloseTo(0.275, 12);
    expect(best.formulas[0].ci[0]).toBeLessThan(0.275);
    expect(best.formulas[1].value).toBeCloseTo(0.36, 12);
    expect(best.formulas[2].value).toBeNull();
    expect(itemOf(answer, 'mdl_bob').formulas[2].value).toBeCloseTo(0.2, 12);
    expect(answer.body.columns.at(-3)).toEqual({
      ...{ id: 'column.0', kind: 'formula', formula: '0.5*V1 + 0.5*behavior' },
    });
  });

  it('that are wrong are refused by pointer and character', async () => {
    const answer = await board({
      column: ['V1', 'V1 + x', 'b("Simulated.V1-pls")', 'b("V9")', '1 + b("bmk_two")'],
    });
    expect(answer).toMatchObject({ status: 422, body: { type: '/problems/formula-invalid' } });
    expect(answer.body.errors).toEqual([
      { pointer: '/query/column/1', detail: expect.stringContaining('Character 6 of the formula') },
      {
        pointer: '/query/column/2',
        detail: expect.stringContaining('formulas cannot use simulated'),
      },
      { pointer: '/query/column/3', detail: expect.stringContaining('there is no benchmark "V9"') },
      { pointer: '/query/column/4', detail: expect.stringContaining('bmk_two.V1, bmk_two.V4') },
    ]);
    expect(await board({ simulated: 'true', column: 'V1' })).toMatchObject({ status: 422 });
    expect(await board({ benchmark: ['Simulated.V1-pls', 'no'] })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/query/benchmark/0' }, { pointer: '/query/benchmark/1' }] },
    });
  });

  it('whatever they are, are 200 or 422', async () => {
    const pieces = [
      'V1',
      'b("',
      '")',
      '+',
      '^',
      '(',
      ')',
      '16',
      '%',
      '=',
      ';',
      '\n',
      'é',
      '&',
      '#',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((some) => some.join('')),
          fc.string({ unit: 'grapheme', maxLength: 220 }),
        ),
        async (column) => {
          const { status, body } = await board({ column, region: 'V1' });
          // An empty parameter is none, and a NUL is refused wherever it stands in an address.
          const none = column === '' || column.includes('\0');
          expect(none ? [400] : [200, 422]).toContain(status);
          if (status === 422) expect(body.type).toBe('/problems/formula-invalid');
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('as text', () => {
  it('CSV holds the numbers, and no text that a spreadsheet would run', async () => {
    const answer = await board({ column: '-V1', sort: 'name' }, { Accept: 'text/csv' });
    expect(answer.headers['content-type']).toBe('text/csv; charset=utf-8');
    expect(answer.headers.vary).toContain('Accept');
    const first = await board({ limit: '2' }, { Accept: 'text/csv' });
    expect(first.headers.link).toMatch(/cursor=[\w-]+>; rel="next"$/);
    const rows: Record<string, string>[] = parse(answer.text, { columns: true });
    expect(rows[0].name).toBe(`'${HOSTILE}`);
    expect(rows[1]).toMatchObject({
      ...{ name: 'best', rank: '1', 'neural n': '4', 'neural m': '26', tied: '1' },
      ...{ [V1]: '0.6', [`${V1} error`]: '0.01', [`${V1} selection`]: 'false' },
      "'-V1": '-0.3',
    });
    expect(rows[1]['average ci_low']).not.toBe('');
    expect(rows[4][V4]).toBe('');
    for (const cell of answer.text.split(/[,\n]/)) expect(cell).not.toMatch(/^"?[=+@\t\r]/);
  });

  it('Markdown is one table, whatever a model is called', async () => {
    const answer = await board({ region: ['V1', 'V2'] }, { Accept: 'text/markdown' });
    expect(answer.headers['content-type']).toBe('text/markdown; charset=utf-8');
    const lines = answer.text.trim().split('\n');
    expect(lines[0]).toMatch(/^\| Rank \| Rank by average \| Model \| average \| neural \| V1 \|/);
    expect(lines[2]).toContain('| 1 | 1 (1–2) a \\* | best | 0.350 \\[');
    expect(lines[2]).toContain('(2 of 24)');
    const cells = lines[0].split(' | ').length;
    for (const line of lines.slice(0, 7))
      expect(line.replaceAll('\\|', '').split(' | ').length).toBe(cells);
    expect(answer.text).toContain('\\=cmd'.slice(1));
    expect(answer.text).not.toContain('<b>|');
    expect(lines.at(-1)).toMatch(/^† /);
  });
});

describe('the page', () => {
  it('holds the answer to its own address, as a table and for its script', async () => {
    const { text } = await service.get('/?region=V1&region=V2&sort=name&hide=neural&anything=<b>');
    const [, table, json] =
      /<table(.*)<\/table>.*application\/json[^>]*>([^<]*)<\/script>/s.exec(text) ?? [];
    const answer = await board({ region: ['V1', 'V2'], sort: 'name', limit: '30' });
    // Numbers as far as the page shows them: the digits behind were most of the first load.
    const shown = (_name: string, value: unknown) =>
      typeof value === 'number' ? Number(value.toFixed(3)) : value;
    expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(answer.body, shown)));
    expect(table).toContain('<bdi>best</bdi>');
    expect(table).toContain('=cmd|&quot;/c calc&quot;!A1,&lt;b&gt;|');
    expect(table).not.toMatch(/<b>|neural</);
  });

  it('tells why there is none', async () => {
    for (const [query, why] of [
      ['missing=nothing', 'must be equal to one of the allowed values'],
      ['sort=averge', 'There is no column &quot;averge&quot; to sort by'],
      ['benchmark=<script>', 'There is no benchmark &quot;&lt;script&gt;&quot;'],
    ]) {
      const { status, text } = await service.get(`/?${query}`);
      expect(status).toBe(200);
      expect(text).toContain(why);
    }
  });
});

describe('the regions of a model', () => {
  it('say score, place among all, median, best, and what stands behind each score', async () => {
    const { status, body } = await service.get('/v1/models/mdl_best/regions');
    expect(status).toBe(200);
    expect(body).toMatchObject({ simulated: false, total: 5, map: null });
    const regions = body.regions.map(({ region }: { region: string }) => region);
    expect(regions).toEqual(['V1', 'V2', 'V4', 'IT', 'behavior']);
    const all = (await board()).body;
    // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
    const of = (name: string): any => body.regions.find((each: any) => each.region === name);
    for (const name of ['V1', 'IT']) {
      const { standing } = of(name);
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      const values = all.items.flatMap((item: any) => item.averages[name].value ?? []);
      const own = itemOf({ body: all } as never, 'mdl_best').averages[name];
      expect(standing).toMatchObject({ column: name, value: own.value, n: own.n, m: own.m });
      expect(standing).toMatchObject({ of: values.length, ranksState: 'current' });
      const sorted = values.toSorted((a: number, b: number) => a - b);
      expect(standing.best.value).toBe(sorted.at(-1));
      const middle = sorted.length / 2;
      const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
      expect(standing.median).toBeCloseTo(median, 12);
    }
    // 0.60 and 0.59 differ at two decimals, two of 0.60 do not.
    expect(of('IT')).toMatchObject({
      standing: { rank: 1, best: { model: 'mdl_best', name: 'best' } },
      scores: [{ benchmark: IT, origin: 'real', value: 0.6, rank: 1, of: 2, median: 0.595 }],
    });
    const near = (await service.get('/v1/models/mdl_near/regions')).body.regions;
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    expect(near.find((each: any) => each.region === 'V1').standing.rank).toBe(1);
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    expect(near.find((each: any) => each.region === 'IT').standing.rank).toBe(2);
  });

  it('have uploads beside the averages, and the places of a selection nowhere', async () => {
    const { body } = await service.get('/v1/models/mdl_bob/regions');
    const [first, second] = body.regions;
    // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
    const columns = first.scores.map(({ column, origin }: any) => [column, origin]);
    expect(columns).toEqual([
      [V1, 'real'],
      ...['bmk_one', 'bmk_two.V1'].map((id) => [id, 'uploaded']),
    ]);
    expect(second).toMatchObject({
      region: 'V4',
      standing: null,
      scores: [{ column: 'bmk_two.V4' }],
    });
    const some = (await service.get('/v1/models/mdl_some/regions')).body.regions;
    expect(some[1].scores[0]).toMatchObject({ selection: true, value: 0.9, rank: null });
  });

  it('are simulated ones where there are no real ones, or where asked', async () => {
    const made = (await service.get('/v1/models/mdl_made/regions')).body;
    expect(made).toMatchObject({
      simulated: true,
      regions: [{ standing: { column: 'simulated.V1' } }],
    });
    const real = (await service.get('/v1/models/mdl_made/regions?simulated=false')).body;
    expect(real).toMatchObject({ simulated: false, regions: [] });
    expect((await service.get('/v1/models/pixels/regions')).body.regions[0].scores).toHaveLength(1);
    expect((await service.get('/v1/models/mdl_none/regions')).status).toBe(404);
  });
});

describe('ventral leaderboard', () => {
  const run = async (...words: string[]) => {
    let [out, err] = ['', ''];
    const io = {
      ...{ out: (text: string) => (out += text), err: (text: string) => (err += text) },
      ...{ interactive: false, color: false },
    };
    const line = ['node', 'ventral', 'leaderboard', '--to', service.url, ...words];
    const status = await runCommandLine(line, io as never);
    return { status, out, err };
  };

  it('prints the board, filtered and sorted as over HTTP', async () => {
    const { status, out, err } = await run('--parameters', '1M..,unknown', '--sort', '-parameters');
    expect({ status, err }).toEqual({ status: 0, err: '4 of 5 models\n' });
    const rows = out.split('\n').map((line) => line.split('\t'));
    expect(rows[0].slice(0, 4)).toEqual(['rank', 'model', 'weights', 'parameters']);
    expect(rows[1].slice(0, 4)).toEqual(['1', 'near', 'trained', '86567656']);
    const csv = await run('--family', '!resnet,!unknown', '--csv');
    const parsed = parse(csv.out, { columns: true }) as Record<string, string>[];
    expect(parsed.map(({ name, family }) => [name, family])).toEqual([
      ['near', 'ViT'],
      ['pixels', 'pixels'],
    ]);
    expect(parsed[1]).toMatchObject({ parameters: '0', training_data: 'none' });
    const json = await run('--weights', 'control', '--json');
    expect(JSON.parse(json.out).items).toHaveLength(1);
  });

  it('refuses what cannot be read in one line', async () => {
    for (const words of [
      ['--parameters', 'lots'],
      ['--sort', 'averge'],
      ['--limit', '0'],
      ['--csv', '--json'],
    ]) {
      const { status, err } = await run(...words);
      expect(status).toBe(2);
      expect(err).toMatch(/^ventral: .+\n$/);
    }
  });
});

describe('earlier boards', () => {
  const today = () => new Date().toISOString().slice(0, 10);

  it('of today is the present one, to the byte, in every format', async () => {
    for (const query of [
      'limit=3',
      'search=b&sort=name',
      'column=2*V1&region=V1',
      'simulated=true',
    ]) {
      const [live, past] = await Promise.all([
        service.get(`/v1/leaderboard?${query}`),
        service.get(`/v1/leaderboard?${query}&at=${today()}`),
      ]);
      expect([past.status, past.text]).toEqual([200, live.text]);
    }
    const csv = (at = {}) => board(at, { Accept: 'text/csv' });
    expect((await csv({ at: today() })).text).toBe((await csv()).text);
    // The page says which board it is where no script runs, too.
    const page = await service.get(`/?at=${today()}`);
    expect(page.text).toContain(`The leaderboard as it was at ${today()}`);
    expect(page.text).toContain('<bdi>best</bdi>');
  });

  it('of before anything happened is empty, and of tomorrow there is none', async () => {
    const { body } = await board({ at: '2000-01-01' });
    expect(body).toMatchObject({ models: 0, total: 0, items: [] });
    expect(body.reconstructed).toBeUndefined();
    for (const at of ['2999-01-01', '2025-02-30', 'yesterday', "2025-01-01'--"]) {
      const refused = await board({ at });
      expect([refused.status, refused.body.type]).toEqual([400, '/problems/invalid-request']);
      expect(refused.body.errors[0].pointer).toBe('/query/at');
    }
  });

  it('gives the rank of a model over time', async () => {
    const { status, body } = await service.get('/v1/leaderboard/history?model=mdl_best');
    expect(status).toBe(200);
    expect(body).toMatchObject({ model: 'mdl_best', column: 'average', recordedSince: null });
    const row = itemOf(await board(), 'mdl_best');
    expect(body.points.at(-1)).toMatchObject({
      date: today(),
      rank: row.rank,
      entered: 'own-score',
    });
    const pixels = await service.get(`/v1/leaderboard/history?model=pixels&column=${V1}`);
    expect(pixels.body.points.at(-1)).toMatchObject({ value: 0.1 });
    for (const [query, expected] of [
      ['model=mdl_none', 404],
      ['model=mdl_best&column=V5', 422],
      ['column=V4', 400],
    ])
      expect((await service.get(`/v1/leaderboard/history?${query}`)).status).toBe(expected);
  });
});

it('benchmarks are correlated over the models that have both, from four on', async () => {
  const { status, body } = await service.get('/v1/benchmarks/correlations');
  expect(status).toBe(200);
  const pair = (...benchmarks: string[]) =>
    body.pairs.find((each: { benchmarks: string[] }) =>
      benchmarks.every((id) => each.benchmarks.includes(id)),
    );
  // best and near; a selection score does not count.
  expect(pair(V1, V2)).toEqual({ benchmarks: [V1, V2], n: 2, pearson: null, spearman: null });
  expect(body.benchmarks.find(({ id }: { id: string }) => id === V1).models).toBe(5);
  const twice = await service.get(`/v1/benchmarks/correlations?benchmark=${V1}&benchmark=bmk_two`);
  expect(twice.body.pairs).toHaveLength(3);
  const none = await service.get('/v1/benchmarks/correlations?benchmark=none');
  expect(none.body.type).toBe('/problems/benchmark-unknown');
});

describe('with keys', () => {
  it('shows each what it may see, and nothing depends on the rest', async () => {
    const key = async (owner: string, role: string, token?: string) => {
      const made = await service.post(
        '/v1/keys',
        { name: `${owner}-${role}`, owner, role },
        token ? { Authorization: `Bearer ${token}` } : {},
      );
      expect(made.status).toBe(201);
      return made.body.key as string;
    };
    const admin = await key('root', 'admin');
    const [alice, bob, reader] = [
      await key('alice', 'member', admin),
      await key('bob', 'member', admin),
      await key('carol', 'reader', admin),
    ];
    const as = (token: string, query = {}) => board(query, { Authorization: `Bearer ${token}` });
    expect((await board()).status).toBe(401);
    expect((await service.get('/')).text).not.toMatch(/<table|best/);
    expect(names(await as(alice))).toContain(HOSTILE);
    const others = ['best', 'near', 'bobs net', 'pixels'];
    expect(names(await as(bob))).toEqual(others);
    const answer = await as(reader);
    expect(names(answer)).toEqual(others);
    expect(answer.body.models).toBe(4);
    expect(answer.text).not.toContain('mdl_some');
    // The upload that is private is no column of theirs, the other one is.
    expect(answer.text).not.toMatch(/bmk_one|lab\.V1/);
    expect(answer.text).toContain('pair.V4');
    expect(itemOf(answer, 'mdl_bob').rank).toBe(3);
    const regions = (token: string, model: string) =>
      service.call('GET', `/v1/models/${model}/regions`, {
        headers: { Authorization: `Bearer ${token}` },
      });
    expect((await regions(bob, 'mdl_some')).status).toBe(404);
    expect((await regions(reader, 'mdl_bob')).text).not.toMatch(/bmk_one|lab\.V1/);
    expect((await regions(alice, 'mdl_bob')).text).toContain('bmk_one');
    // A private upload is not there for others, in a filter nor in a formula.
    expect((await as(alice, { benchmark: 'bmk_one' })).body.models).toBe(1);
    const hidden = await as(bob, { benchmark: 'bmk_one' });
    expect(hidden).toMatchObject({ status: 422, body: { type: '/problems/benchmark-unknown' } });
    const missing = await as(bob, { benchmark: 'bmk_non' });
    expect(hidden.body.detail.replaceAll('bmk_one', 'bmk_non')).toBe(missing.body.detail);
    expect((await as(bob, { column: 'b("bmk_one")' })).status).toBe(422);
    expect((await as(bob, { benchmark: 'bmk_two' })).body.models).toBe(1);
  });
});
