import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeLeaderboard, type ScoredModel } from '../../src/leaderboard/leaderboard.js';
import { nodeDifference } from '../../src/leaderboard/leaderboard-differences.js';
import { compareModels } from '../../src/scoring/compare/compare.js';
import type { ScoreDifference } from '../../src/scoring/compare/comparison-types.js';
import { encodeDraws } from '../../src/scoring/draws/encode-draws.js';
import type { ScoreDraws } from '../../src/scoring/draws/score-draws.js';
import type { Score } from '../../src/scoring/measure/score.js';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { listBenchmarks } from '../../src/scoring/registry/registry.js';
import { openHomeStore } from '../../src/store/home-store.js';
import { objects, oracleNetwork } from '../scoring/made-series.js';
import { type RunningService, runningService, suiteEngine } from '../service/running-service.js';
import { madePlace } from '../store/engines.js';
import { madeModel, madeScores } from '../store/made-scores.js';
import { exported, openBrowser, visit } from './browser.js';

/** Scores of the oracle's recordings, under the names of benchmarks that a board has. */
const NAMES = new Map([
  ['end-to-end.objects.V4-pls', 'MajajHong2015.V4-pls'],
  ['end-to-end.objects.IT-pls', 'MajajHong2015.IT-pls'],
]);
const [V4, IT] = NAMES.values();
const root = mkdtempSync(join(tmpdir(), 'ventral-differences-'));
const networks = ['resnet', 'mbconv'] as const;

interface Drawn {
  readonly score: Score;
  readonly draws: ScoreDraws | undefined;
}

let browser: Browser;
let service: RunningService;
/** What `ventral compare --json` prints, by benchmark. */
const printed = new Map<string, ScoreDifference>();
const scored: ReadonlyMap<string, Drawn>[] = [];

beforeAll(async () => {
  const context = { home: root, threads: 2, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
  const models = networks.map(oracleNetwork);
  const { differences } = await compareModels({ models, benchmarks: [objects] }, context);
  for (const each of differences) printed.set(NAMES.get(each.benchmark) as string, each);
  const versions = new Map(listBenchmarks().map(({ id, version }) => [id, version]));
  for (const model of models) {
    const { scores, draws } = await scoreModel({ model, benchmarks: [objects] }, context);
    scored.push(
      new Map(
        scores.map((score) => {
          const benchmark = NAMES.get(score.benchmark) as string;
          const version = versions.get(benchmark) as number;
          const renamed = { ...score, benchmark, version, selection: false };
          return [benchmark, { score: renamed, draws: draws?.get(score) }];
        }),
      ),
    );
  }
  const place = await madePlace(suiteEngine, 'ventral-differences-');
  const store = await openHomeStore(place.home, place);
  for (const [k, name] of [...networks, 'earlier'].entries()) {
    await madeModel(store.database, `mdl_${name}`, { name });
    const own = scored[k] ?? scored[0];
    const scores = Object.fromEntries([...own].map(([id, { score }]) => [id, score]));
    await madeScores(store.database, { id: `job_${name}`, model: `mdl_${name}`, scores });
    if (k < networks.length)
      for (const [id, { draws }] of own)
        await store.database.query('insert into score_draws values ($1, $2, $3)', [
          ...[`job_${name}`, id, encodeDraws(draws as ScoreDraws)],
        ]);
  }
  await store.close();
  [browser, service] = await Promise.all([openBrowser(), runningService(place)]);
});
afterAll(async () => {
  await browser.close();
  await service.stop();
  await rm(service.home, { recursive: true, force: true });
  rmSync(root, { recursive: true, force: true });
});

const asked = '/v1/differences?model=mdl_resnet&model=mdl_mbconv';

describe('a pair of models has one interval, digit for digit', () => {
  const shown = ({ difference, ci, p, generalises }: ScoreDifference) => ({
    ...{ difference, ci, paired: true, p, generalises },
  });

  it('over HTTP as on the command line', async () => {
    const { body } = await service.get(asked);
    for (const id of [V4, IT]) {
      const found = body.items.find(({ column }: { column: string }) => column === id);
      expect(found).toEqual({
        ...{ column: id, from: 'mdl_resnet', to: 'mdl_mbconv' },
        ...shown(printed.get(id) as ScoreDifference),
      });
      expect(found.generalises.to).toBe('images and neuroids');
    }
  });

  it('on a board', () => {
    const ids = [V4, IT];
    const models = scored.map(
      (scores, k): ScoredModel => ({
        ...{ id: `mdl_${networks[k]}`, name: networks[k] },
        scores: new Map([...scores].map(([id, { score }]) => [id, score])),
      }),
    );
    const board = makeLeaderboard(
      ids.map((id) => ({ id, region: id.slice(14, 16), metric: 'pls', simulated: false })),
      models,
      { missing: 'zero', selection: 'exclude' },
    );
    const drawnOf = ({ id }: ScoredModel, benchmark: string) =>
      scored[networks.findIndex((name) => `mdl_${name}` === id)].get(benchmark);
    const [from, to] = board.rows;
    for (const id of ids)
      expect(nodeDifference(board, id, [from, to], drawnOf)).toEqual(
        shown(printed.get(id) as ScoreDifference),
      );
    const average = nodeDifference(board, 'neural', [from, to], drawnOf);
    expect(average).toMatchObject({ paired: true });
    const half = (ci: readonly number[] | null) => ((ci?.[1] ?? 0) - (ci?.[0] ?? 0)) / 2;
    const halves = ids.map((id) => half(printed.get(id)?.ci ?? null));
    expect(half(average.ci)).toBeLessThanOrEqual((halves[0] + halves[1]) / 2);
  });

  it('on the page of Compare', async () => {
    const { page, close } = await visit(
      browser,
      service.url,
      '/compare?model=mdl_resnet&model=mdl_mbconv',
      { acceptDownloads: true },
    );
    const download = await exported(page, 'the comparison', 'JSON');
    const { rows } = JSON.parse(await readFile(await download.path(), 'utf8'));
    for (const id of [V4, IT]) {
      const wanted = shown(printed.get(id) as ScoreDifference);
      const row = rows.find(
        (each: { column: string; model: string }) =>
          each.column === id && each.model === 'mdl_mbconv',
      );
      expect(row).toMatchObject({
        ...{ difference: wanted.difference, differenceCi: wanted.ci, paired: true, p: wanted.p },
        generalises: wanted.generalises,
      });
    }
    await page.getByText('generalises to new images and neuroids').first().waitFor();
    await close();
  });
});

it('a page of scores says what their intervals speak of', async () => {
  const { page, close } = await visit(browser, service.url, '/models/mdl_resnet');
  await page
    .getByText(/^The 95 % interval on Majaj.* generalises to new images and neuroids/)
    .first()
    .waitFor();
  await close();
});

it('a score without draws is compared unpaired, and says how to have it paired', async () => {
  const { body } = await service.get(
    '/v1/differences?model=mdl_earlier&model=mdl_mbconv&from=mdl_earlier',
  );
  const found = body.items.find(({ column }: { column: string }) => column === V4);
  expect(found).toMatchObject({ from: 'mdl_earlier', paired: false, p: null });
  expect(found.ci).toHaveLength(2);
  expect(found.reason).toMatch(/score again/);
  const average = body.items.find(({ column }: { column: string }) => column === 'V4');
  expect(average).toMatchObject({ paired: false });
});

it.each([
  ['one model', '/v1/differences?model=mdl_resnet', 400],
  ['another reference', `${asked}&from=mdl_other`, 400],
  ['another benchmark', `${asked}&benchmark=none`, 422],
])('refuses %s', async (_, path, status) => {
  const answer = await service.get(path);
  expect([400, 422]).toContain(status);
  expect([400, 422]).toContain(answer.status);
});
