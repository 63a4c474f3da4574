import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { factsOf } from '../../../src/scoring/model/model-facts.js';
import { type HomeStore, openHomeStore } from '../../../src/store/home-store.js';
import { localPrincipal, type Principal, type Role } from '../../../src/store/records/principal.js';
import { ResultStore, type WantedBenchmark } from '../../../src/store/records/result-store.js';
import { engines, madePlace, removePlace, type StorePlace } from '../engines.js';
import {
  type MadeJob,
  madeJob,
  madeModel,
  madeResults,
  madeScores,
  madeUpload,
} from '../made-scores.js';

const who = (owner: string, role: Role = 'member', ...groups: string[]): Principal => ({
  ...{ key: `key_${owner}`, owner, groups, role },
});
const shipped = (benchmark: string, version = 1): WantedBenchmark => ({
  ...{ column: benchmark, benchmark, version, source: benchmark },
});
const wanted = [shipped('a'), shipped('b')];
const pixels = new Map([['pixels', factsOf(null)]]);
const everything = { anyLayer: false };

describe.each(engines)('on the %s database', (engine) => {
  let place: StorePlace;
  let store: HomeStore;
  let results: ResultStore;

  beforeAll(async () => {
    place = await madePlace(engine);
    store = await openHomeStore(place.home, place);
    results = new ResultStore(store.database);
  });
  beforeEach(async () => {
    for (const table of ['results', 'jobs', 'models', 'benchmarks', 'scoreboards'])
      await store.database.query(`delete from ${table}`);
  });
  afterAll(async () => {
    await store.close();
    await removePlace(place);
  });

  /** Values by model and column. */
  async function seen(principal = localPrincipal, benchmarks = wanted, filter: object = {}) {
    const models = await results.scoredModels(principal, benchmarks, pixels, {
      ...everything,
      ...filter,
    });
    return Object.fromEntries(
      models.map(({ id, scores }) => [
        id,
        Object.fromEntries([...scores].map(([column, { value }]) => [column, value])),
      ]),
    );
  }

  it('the score of the latest job stands, whichever ends first', async () => {
    const { database } = store;
    await madeModel(database, 'mdl_1');
    await madeScores(database, { id: 'job_1', model: 'mdl_1', scores: { a: 0.1, b: 0.2 } });
    expect(await seen()).toEqual({ mdl_1: { a: 0.1, b: 0.2 } });
    const slow = { id: 'job_2', model: 'mdl_1', scores: { a: 0.3 } };
    await madeJob(database, slow);
    await madeScores(database, { id: 'job_3', model: 'mdl_1', scores: { a: 0.4 } });
    expect(await seen()).toEqual({ mdl_1: { a: 0.4, b: 0.2 } });
    await madeResults(database, slow);
    expect(await seen()).toEqual({ mdl_1: { a: 0.4, b: 0.2 } });
  });

  it('counts present versions, the own input, and the layers of the card', async () => {
    const { database } = store;
    await madeModel(database, 'mdl_1');
    const flag = { by: 'flag' };
    const map = { by: { benchmark: 'x', version: 1, inputs: 'sha256:x', method: 'max' } };
    await madeScores(database, {
      id: 'job_1',
      model: 'mdl_1',
      scores: { a: { value: 0.1, version: 2 }, b: { value: 0.2, layerChoice: map } },
    });
    await madeScores(database, {
      id: 'job_2',
      model: 'mdl_1',
      scores: { a: { value: 0.3, layerChoice: flag }, b: { value: 0.4, layerChoice: flag } },
    });
    await madeScores(database, { id: 'job_3', model: 'mdl_1', scores: { b: 0.9 }, input: {} });
    expect(await seen()).toEqual({ mdl_1: { b: 0.2 } });
    expect(await seen(localPrincipal, [shipped('a', 2)])).toEqual({ mdl_1: { a: 0.1 } });
    expect(await seen(localPrincipal, wanted, { anyLayer: true })).toEqual({
      mdl_1: { a: 0.3, b: 0.4 },
    });
  });

  it('holds the whole score, and null where there is no number', async () => {
    const { database } = store;
    await madeModel(database, 'mdl_1', { owner: 'alice', visibility: 'group', group: 'lab' });
    const value = 0.1 + 0.2;
    await madeScores(database, {
      id: 'job_1',
      model: 'mdl_1',
      scores: { a: { value, ci: [-0.1, 1 / 3], selection: true }, b: { value: null } },
    });
    const [model] = await results.scoredModels(localPrincipal, wanted, new Map(), everything);
    expect(model).toMatchObject({ id: 'mdl_1', owner: 'alice', visibility: 'group' });
    expect(model.scores.get('a')).toMatchObject({
      ...{ value, error: 0.01, ci: [-0.1, 1 / 3], selection: true, job: 'job_1' },
    });
    expect(model.scores.get('b')).toMatchObject({ value: null, ci: null });
  });

  it('gives the same answer again until something in it has changed', async () => {
    const { database } = store;
    await madeModel(database, 'mdl_1', { visibility: 'private' });
    await madeScores(database, { id: 'job_1', model: 'mdl_1', scores: { a: 0.1 } });
    const ask = (principal = localPrincipal) =>
      results.scoredModels(principal, wanted, new Map(), everything);
    const first = await ask();
    expect(await ask()).toBe(first);
    expect(await ask(who('bob'))).toEqual([]);
    for (const change of ["name = 'other'", "owner = 'alice'", "visibility = 'public'"]) {
      const before = await ask();
      await database.query(`update models set ${change}`);
      expect(await ask()).not.toEqual(before);
    }
    await madeScores(database, { id: 'job_2', model: 'mdl_1', scores: { b: 0.2 } });
    expect(await seen()).toEqual({ mdl_1: { a: 0.1, b: 0.2 } });
    await database.query('delete from models');
    expect(await ask()).toEqual([]);
  });

  it('shows models and uploads to those who may see them', async () => {
    const { database } = store;
    await madeModel(database, 'mdl_own', { owner: 'alice', visibility: 'private' });
    await madeModel(database, 'mdl_lab', { owner: 'bob', visibility: 'group', group: 'lab' });
    await madeModel(database, 'mdl_all', { owner: 'bob' });
    await madeModel(database, 'mdl_bob', { owner: 'bob', visibility: 'private' });
    for (const model of ['own', 'lab', 'all', 'bob'])
      await madeScores(database, { id: `job_${model}`, model: `mdl_${model}`, scores: { a: 0.5 } });
    const ids = async (principal: Principal) => Object.keys(await seen(principal)).sort();
    expect(await ids(who('alice'))).toEqual(['mdl_all', 'mdl_own']);
    expect(await ids(who('alice', 'reader', 'lab'))).toEqual(['mdl_all', 'mdl_lab', 'mdl_own']);
    expect(await ids(who('carol'))).toEqual(['mdl_all']);
    expect(await ids(who('root', 'admin'))).toHaveLength(4);
  });

  it('tells uploads of one identifier apart', async () => {
    const { database } = store;
    await madeModel(database, 'mdl_1');
    const twice = [
      { id: 'lab.V1', region: 'V1' },
      { id: 'lab.V2', region: 'V2' },
    ];
    await madeUpload(database, 'bmk_1', twice);
    await madeUpload(database, 'bmk_2', twice, { owner: 'bob' });
    for (const [k, source] of ['bmk_1', 'bmk_2'].entries())
      await madeScores(database, {
        id: `job_${k}`,
        model: 'mdl_1',
        sources: ['a', source],
        scores: { a: 0.1 + k, 'lab.V1': 0.2 + k, 'lab.V2': 0.3 + k },
      });
    const columns = (source: string) =>
      twice.map(({ id }) => ({ column: id, benchmark: id, version: 1, source }));
    expect(await seen(localPrincipal, columns('bmk_1'))).toEqual({
      mdl_1: { 'lab.V1': 0.2, 'lab.V2': 0.3 },
    });
    expect(await seen(localPrincipal, columns('bmk_2'))).toEqual({
      mdl_1: { 'lab.V1': 1.2, 'lab.V2': 1.3 },
    });
    expect(await seen(localPrincipal, [shipped('lab.V1')])).toEqual({});
  });

  it('shows scores on shipped models to who asked, and those of the service to all', async () => {
    const { database } = store;
    const made = (id: string, owner: string, value: number) =>
      madeScores(database, { id, model: 'pixels', owner, scores: { a: value } });
    await made('job_1', 'alice', 0.1);
    expect(await seen(who('bob'))).toEqual({});
    expect(await seen(who('alice'))).toEqual({ pixels: { a: 0.1 } });
    await made('job_2', 'ventral', 0.2);
    await made('job_3', 'bob', 0.3);
    expect(await seen(who('carol'))).toEqual({ pixels: { a: 0.2 } });
    expect(await seen(who('alice'))).toEqual({ pixels: { a: 0.2 } });
    expect(await seen(who('bob'))).toEqual({ pixels: { a: 0.3 } });
    expect(await seen(localPrincipal)).toEqual({ pixels: { a: 0.3 } });
    // A name that is no longer shipped.
    await madeScores(database, { id: 'job_4', model: 'gone', scores: { a: 0.4 } });
    expect(Object.keys(await seen())).toEqual(['pixels']);
  });

  it('filters by owner', async () => {
    const { database } = store;
    await madeModel(database, 'mdl_1', { owner: 'alice' });
    await madeModel(database, 'mdl_2', { owner: 'bob', visibility: 'private' });
    await madeModel(database, 'mdl_3', { owner: 'bob' });
    for (const k of [1, 2, 3])
      await madeScores(database, { id: `job_${k}`, model: `mdl_${k}`, scores: { a: 0.5 } });
    await madeScores(database, { id: 'job_4', model: 'pixels', scores: { a: 0.5 } });
    const ids = async (filter: object) =>
      Object.keys(await seen(localPrincipal, wanted, filter)).sort();
    expect(await ids({ owner: 'bob' })).toEqual(['mdl_2', 'mdl_3']);
    expect(await ids({ owner: 'ventral' })).toEqual(['pixels']);
  });

  it('makes the same of results that come in any order, or that were there before', async () => {
    const { database } = store;
    await madeModel(database, 'mdl_1');
    await madeModel(database, 'mdl_2');
    const jobs = Array.from(
      { length: 12 },
      (_, k): MadeJob => ({
        id: `job_${k}`,
        model: k % 4 === 3 ? 'pixels' : `mdl_${1 + (k % 2)}`,
        owner: k % 3 === 0 ? 'ventral' : 'local',
        scores: k % 5 === 0 ? { a: k } : { a: k, b: k },
      }),
    );
    for (const job of jobs) await madeJob(database, job);
    for (const job of [...jobs.slice(5).reverse(), ...jobs.slice(0, 5)])
      await madeResults(database, job);
    const expected = {
      mdl_1: { a: 10, b: 8 },
      mdl_2: { a: 9, b: 9 },
      pixels: { a: 11, b: 11 },
    };
    expect(await seen()).toEqual(expected);
    await database.query('delete from scoreboards');
    await database.query('select record_scores(array(select distinct job from results))');
    expect(await seen()).toEqual(expected);
  });

  it('forgets a model that was removed', async () => {
    const { database } = store;
    await madeModel(database, 'mdl_1');
    await madeScores(database, { id: 'job_1', model: 'mdl_1', scores: { a: 0.5 } });
    expect(Object.keys(await seen())).toEqual(['mdl_1']);
    await database.query(`delete from models where id = 'mdl_1'`);
    expect(await seen()).toEqual({});
    expect(await database.query('select subject from scoreboards')).toEqual([]);
  });

  it('keeps what it read until a score is written, by whomever', async () => {
    const { database } = store;
    for (let k = 0; k < 120; k++) {
      await madeModel(database, `mdl_${k}`);
      await madeScores(database, { id: `job_${k}`, model: `mdl_${k}`, scores: { a: k } });
    }
    const first = await seen();
    expect(Object.keys(first)).toHaveLength(120);
    await madeScores(database, { id: 'job_more', model: 'mdl_77', scores: { b: 0.5 } });
    expect(await seen()).toEqual({ ...first, mdl_77: { a: 77, b: 0.5 } });
  });
});
