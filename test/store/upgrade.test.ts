import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SCHEMA } from '../../src/store/database/migrations.js';
import { digestOfFile } from '../../src/store/files/file-digest.js';
import { type HomeStore, openHomeStore } from '../../src/store/home-store.js';
import { localPrincipal } from '../../src/store/records/principal.js';
import { answersOf, unpackedHome } from './old-home.js';

describe('the home that the commit wrote which closed the first issue', () => {
  // What that commit answered over HTTP before it was stopped.
  const then = answersOf('first-issue');
  let home: string;
  let store: HomeStore;
  beforeAll(async () => {
    home = await unpackedHome('first-issue');
    expect(JSON.parse(await readFile(join(home, 'format.json'), 'utf8')).schema).toBe(2);
    store = await openHomeStore(home);
  });
  afterAll(async () => {
    await store.close();
    await rm(home, { recursive: true });
  });

  it('has the schema of today', async () => {
    const { schema } = JSON.parse(await readFile(join(home, 'format.json'), 'utf8'));
    expect(schema).toBe(SCHEMA);
    expect(await store.database.query('select version from schema_version')).toEqual([
      { version: SCHEMA },
    ]);
  });

  it('has its models and benchmarks, owned by the one user, with their files', async () => {
    const [model] = then.models;
    const found = await store.models.find(localPrincipal, model.id);
    expect(found).toMatchObject({
      id: model.id,
      digest: model.digest,
      name: model.name,
      size: model.size,
      card: model.card,
      graph: model.graph,
      owner: 'local',
      visibility: 'private',
      createdAt: new Date(model.createdAt),
    });
    expect(await digestOfFile(store.files.path(model.digest))).toBe(model.digest);
    const [benchmark] = then.benchmarks;
    expect(await store.benchmarks.find(localPrincipal, benchmark.id)).toMatchObject({
      digest: benchmark.upload.digest,
      owner: 'local',
      // Measured when the home was opened: five files.
      unpacked: expect.any(Number),
      summary: { benchmarks: benchmark.benchmarks, metric: 'pls' },
    });
    const folder = store.benchmarkFiles.folder(benchmark.upload.digest);
    expect((await readdir(folder)).toSorted()).toEqual([
      'benchmark.yaml',
      'neuroids.csv',
      'recordings.csv',
      'stimuli.csv',
      'stimuli.zip',
    ]);
  });

  it('has its jobs with every bit of their scores, and the one that waited', async () => {
    for (const job of then.scores) {
      const found = await store.jobs.find(job.id);
      expect(found).toMatchObject({
        kind: 'score',
        owner: 'local',
        model: job.model,
        registration: job.model.startsWith('mdl_') ? job.model : null,
        state: 'succeeded',
        benchmarks: job.benchmarks,
        createdAt: new Date(job.createdAt),
        finishedAt: new Date(job.finishedAt),
      });
      expect(found?.kind === 'score' && found.results).toEqual(job.results);
    }
    expect(await store.jobs.find(then.open)).toMatchObject({ state: 'queued', owner: 'local' });
  });

  it('has a history of boards from when scores were written, which says that it was not recorded', async () => {
    expect(await store.history.recordedSince()).toBe(null);
    await store.history.recordCatalog({ benchmarks: [], models: {} });
    expect((await store.history.recordedSince())?.valueOf()).toBeGreaterThan(Date.now() - 600_000);
    const changes = [];
    for await (const some of store.history.changes(localPrincipal)) changes.push(...some);
    const [model] = then.models;
    expect(changes[0]).toMatchObject({
      ...{ kind: 'model', subject: model.id, at: Date.parse(model.createdAt) },
      state: { name: model.name, visibility: 'private' },
    });
    const scored = changes.filter(({ kind }) => kind === 'scores');
    expect(scored.length).toBeGreaterThan(0);
    for (const { at } of scored) expect(at).toBeLessThan(Date.now() - 86_400_000);
  });
});
