import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listBenchmarks } from '../../../src/scoring/registry/registry.js';
import { openHomeStore } from '../../../src/store/home-store.js';
import { madePlace, type StorePlace } from '../../store/engines.js';
import { madeModel, madeScores } from '../../store/made-scores.js';
import { type RunningService, runningService, suiteEngine } from '../running-service.js';
import { locally, makeKey } from '../with-key.js';

const V1 = 'FreemanZiemba2013.V1-pls';
const version = listBenchmarks().find(({ id }) => id === V1)?.version as number;
const HOSTILE = '</title><script>alert(1)</script>';
const browser = { Accept: 'text/html,application/xhtml+xml' };

let service: RunningService;
beforeAll(async () => {
  const place: StorePlace = await madePlace(suiteEngine, 'ventral-first-');
  const store = await openHomeStore(place.home, place);
  await madeModel(store.database, 'mdl_seen', { name: HOSTILE, visibility: 'private' });
  await madeScores(store.database, {
    ...{ id: 'job_seen', model: 'mdl_seen' },
    scores: { [V1]: { value: 0.612, ci: [0.59, 0.63], version } },
  });
  await store.close();
  service = await runningService({ ...place, concurrency: 0 });
});
afterAll(() => service.stop());

const page = (path: string) => service.call('GET', path, { headers: browser });
const titleOf = (text: string) => /<title>([^<]*)/.exec(text)?.[1];
const headingOf = (text: string) => /<h1[^>]*>(.*?)<\/h1>/s.exec(text)?.[1];

describe('without keys', () => {
  it.each([
    ['/', 'Leaderboard', 'Leaderboard'],
    ['/compare', 'Compare', 'Compare models'],
    ['/benchmarks', 'Benchmarks', 'Benchmarks'],
    ['/submit', 'Submit', 'Submit a model'],
    ['/trainings', 'Trainings', 'Trainings'],
    ['/admin', 'Service', 'Service'],
    ['/docs', 'Documentation', 'Documentation'],
    ['/docs/terms', 'Terms', 'Terms'],
  ])('the first HTML of %s says what it is', async (path, title, heading) => {
    const { status, text } = await page(path);
    expect(status).toBe(200);
    expect(titleOf(text)).toBe(`${title} · ventral`);
    expect(headingOf(text)).toBe(heading);
    expect(text).toContain('<nav aria-label="Pages">');
  });

  it('a model, a job and a benchmark have their name and numbers in it', async () => {
    const model = await page('/models/mdl_seen');
    expect(model.text).toContain('0.612');
    expect(model.text).toContain('[0.590, 0.630]');
    expect(model.text).not.toContain('<script>alert');
    expect(titleOf(model.text)).toMatch(/^&lt;\/title&gt;/);
    const job = await page('/scores/job_seen');
    expect(headingOf(job.text)).toMatch(/^Scores of <bdi>/);
    expect(job.text).toContain('0.612');
    const benchmark = await page(`/benchmarks/${V1}`);
    expect(headingOf(benchmark.text)).toContain(V1);
    expect(benchmark.text).toContain('<dd>pls</dd>');
    const shipped = await page('/models/resnet-20');
    expect(headingOf(shipped.text)).toContain('random weights');
  });

  it.each([
    '/models/mdl_absent',
    '/models/%E0%A4%A',
    '/benchmarks/No.such',
    '/scores/job_absent',
    '/layer-maps/job_seen',
    '/nothing',
    '/models',
    '/docs/absent',
    '/docs/../package.json',
    '/docs/..%2fpackage.json',
    '/docs/images/absent.png',
  ])('%s is a page that says that nothing is there', async (path) => {
    const { status, text, headers } = await page(path);
    expect(status).toBe(404);
    expect(headers['content-type']).toMatch('text/html');
    expect(headingOf(text)).toBe('Page not found');
    expect(text).toContain('href="/"');
  });

  it('other clients get a problem document there', async () => {
    for (const path of ['/nothing', '/docs/absent', '/v1/nothing'])
      expect((await service.get(path)).body).toMatchObject({ type: '/problems/not-found' });
    const asBrowser = await page('/v1/models/mdl_absent');
    expect(asBrowser.body).toMatchObject({ type: '/problems/not-found' });
  });

  it('documents come with their images, and by their file names too', async () => {
    const { text } = await page('/docs/README');
    const image = /<img src="([^"]+)"/.exec(text)?.[1] as string;
    const got = await service.get(image);
    expect([got.status, got.headers['content-type']]).toEqual([200, 'image/png']);
    const renamed = await page('/docs/terms.md');
    expect([renamed.status, renamed.headers.location]).toEqual([301, '/docs/terms']);
  });

  it('documents are searched, and what is asked is shown as text', async () => {
    const { text } = await page('/docs?q=ceiling');
    expect(text).toContain('<a href="/docs/terms#ceiling">Ceiling</a>');
    const odd = await page(`/docs?q=${encodeURIComponent('"><script>alert(1)</script>')}&q=b`);
    expect(odd.status).toBe(200);
    expect(odd.text).not.toContain('<script>alert');
    const none = await page(`/docs?q=${encodeURIComponent('<i>zzz')}`);
    expect(none.text).toContain('Nothing found for “&lt;i&gt;zzz”');
  });
});

describe('with keys', () => {
  beforeAll(async () => {
    await makeKey(service, { name: 'root', role: 'admin' }, locally(service));
  });

  it('nothing that belongs to somebody is in the first HTML, not even that it is there', async () => {
    for (const [there, absent] of [
      ['/models/mdl_seen', '/models/mdl_absent'],
      ['/scores/job_seen', '/scores/job_absent'],
    ]) {
      const [one, other] = [await page(there), await page(absent)];
      expect(one.status).toBe(200);
      expect(one.text).not.toMatch(/0\.612|alert/);
      expect(other).toMatchObject({ status: 200, text: one.text });
    }
    expect((await page('/')).text).not.toMatch(/0\.612|alert|<table/);
  });

  it('documents and pages that are not there need none', async () => {
    expect((await page('/docs/terms')).status).toBe(200);
    expect((await page('/docs?q=ceiling')).status).toBe(200);
    expect((await page('/nothing')).status).toBe(404);
    expect((await page('/docs/absent')).status).toBe(404);
    expect((await service.get('/nothing')).status).toBe(401);
  });
});
