import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { program } from '../../src/cli/command-line.js';
import { packageRoot, packageVersion } from '../../src/formats/package-root.js';
import { type HomeStore, openHomeStore } from '../../src/store/home-store.js';
import type { Job } from '../../src/store/jobs/job.js';
import { SERVICE_OWNER } from '../../src/store/records/principal.js';
import { onServer } from '../postgres.js';
import { madePlace, removePlace, type StorePlace } from '../store/engines.js';
import { parseContainerfile } from './containerfile.js';
import { type Manifest, manifests, selects, unknownKeys } from './kubernetes.js';

const all = manifests();
const of = (kind: string) => all.filter((each) => each.kind === kind);
const named = (kind: string, name: string) =>
  of(kind).find(({ metadata }) => metadata.name === name);
/** Whatever runs pods, with the template of them. */
const pods = [...of('Deployment'), ...of('Job')].map((each) => ({
  name: each.metadata.name as string,
  labels: each.spec.template.metadata.labels as Record<string, string>,
  spec: each.spec.template.spec as Manifest,
  container: each.spec.template.spec.containers[0] as Manifest,
}));
const [, image] = parseContainerfile(
  readFileSync(join(packageRoot, 'deploy', 'Containerfile'), 'utf8'),
);
const instruction = (name: string) =>
  image.instructions.find((each) => each.name === name)?.words ?? '';

test('the manifests have the keys of the API, and no two the same name', () => {
  expect(all.flatMap(unknownKeys)).toEqual([]);
  const names = all.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  expect(new Set(names).size).toBe(names.length);
  expect([...new Set(all.map(({ kind }) => kind))].toSorted()).toEqual([
    ...['Deployment', 'Job', 'NetworkPolicy', 'PersistentVolumeClaim', 'ScaledObject'],
    ...['Secret', 'Service', 'TriggerAuthentication'],
  ]);
});

test('a misspelt key, an unknown kind and a list in place of an object are found', () => {
  const bad = structuredClone(named('Deployment', 'ventral-worker'));
  bad.spec.template.spec.containers[0].securityContext.readonlyRootFilesystem = true;
  bad.spec.template.spec.volumes = {};
  expect(unknownKeys(bad)).toEqual([
    'Deployment ventral-worker.spec.template.spec.containers[0].securityContext.readonlyRootFilesystem',
    'Deployment ventral-worker.spec.template.spec.volumes is no list',
  ]);
  expect(unknownKeys({ apiVersion: 'v1', kind: 'Deployment' })).toEqual([
    'v1 Deployment is unknown',
  ]);
});

describe.each(pods)('the pods of $name', ({ labels, spec, container }) => {
  test('run without root on a root file system that is only read, as the image expects', () => {
    const [user, group] = instruction('USER').split(':').map(Number);
    expect(spec.securityContext).toMatchObject({
      ...{ runAsNonRoot: true, runAsUser: user, runAsGroup: group, fsGroup: group },
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(spec.automountServiceAccountToken).toBe(false);
    expect(container.securityContext).toEqual({
      ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
      capabilities: { drop: ['ALL'] },
    });
    expect(container.image).toMatch(/^[\w.-]+\/ventral:/);
    expect(container.image.split(':')[1]).toBe(packageVersion);
    expect(container.resources.limits.memory).toBeDefined();
    const paths = container.volumeMounts.map(({ mountPath }: Manifest) => mountPath);
    expect(paths).toEqual([instruction('VOLUME'), '/tmp']);
  });

  test('have the volumes, the claims and the secrets that they name', () => {
    const volumes = spec.volumes.map(({ name }: Manifest) => name);
    for (const { name } of container.volumeMounts) expect(volumes).toContain(name);
    for (const { persistentVolumeClaim } of spec.volumes)
      if (persistentVolumeClaim)
        expect(named('PersistentVolumeClaim', persistentVolumeClaim.claimName)).toBeDefined();
    for (const { name, value, valueFrom } of container.env) {
      if (/KEY|DATABASE|SECRET|PASSWORD/.test(name)) expect(value).toBeUndefined();
      if (!valueFrom) continue;
      const { secretKeyRef } = valueFrom;
      expect(named('Secret', secretKeyRef.name).stringData).toHaveProperty(secretKeyRef.key);
    }
  });

  test('run a command that exists, with its options', () => {
    const ventral = program({ out() {}, err() {}, interactive: false, color: false });
    let command = ventral;
    let words: string[] = container.args;
    for (;;) {
      const next = command.commands.find((each) => each.name() === words[0]);
      if (!next) break;
      command = next;
      words = words.slice(1);
    }
    expect(command).not.toBe(ventral);
    const known = [...command.options, ...ventral.options].map(({ long }) => long);
    for (const word of words.filter((each) => each.startsWith('-'))) expect(known).toContain(word);
    for (const word of container.args) expect(typeof word).toBe('string');
  });

  test('have the time to end, and one policy of the network', () => {
    // Of a signal until its jobs are back in the queue: ten seconds.
    if (spec.restartPolicy !== 'Never')
      expect(spec.terminationGracePeriodSeconds).toBeGreaterThan(10);
    const policies = of('NetworkPolicy').filter(({ spec: { podSelector } }) =>
      selects(podSelector, labels),
    );
    expect(policies).toHaveLength(1);
    expect(policies[0].spec.policyTypes).toEqual(['Ingress', 'Egress']);
  });

  test('are asked for what the service answers', () => {
    const { paths } = parse(readFileSync(join(packageRoot, 'openapi.yaml'), 'utf8'));
    for (const name of ['startupProbe', 'readinessProbe', 'livenessProbe'])
      if (container[name]) {
        const { path, port } = container[name].httpGet;
        expect(paths).toHaveProperty([path.replace('/v1', ''), 'get']);
        expect(container.ports.map((each: Manifest) => each.name)).toContain(port);
      }
  });
});

test('selectors mean the pods beside them', () => {
  for (const { spec } of of('Deployment')) {
    expect(selects(spec.selector, spec.template.metadata.labels)).toBe(true);
    const others = pods.filter(({ labels }) => selects(spec.selector, labels));
    expect(others).toHaveLength(1);
  }
  const service = named('Service', 'ventral');
  const behind = pods.filter(({ labels }) =>
    selects({ matchLabels: service.spec.selector }, labels),
  );
  expect(behind.map(({ name }) => name)).toEqual(['ventral']);
  // Two of one home exclude each other.
  expect(named('Deployment', 'ventral').spec).toMatchObject({
    ...{ replicas: 1, strategy: { type: 'Recreate' } },
  });
  const { env } = pods.find(({ name }) => name === 'ventral-worker')?.container ?? {};
  const { value } = env.find(({ name }: Manifest) => name === 'VENTRAL_SERVICE');
  expect(value).toBe(`http://${service.metadata.name}:${service.spec.ports[0].port}`);
});

describe('the scaled object', () => {
  const scaled = named('ScaledObject', 'ventral-worker');
  const [trigger] = scaled.spec.triggers;
  let place: StorePlace;
  let store: HomeStore;
  beforeAll(async () => {
    place = await madePlace('postgresql');
    store = await openHomeStore(place.home, place);
  });
  afterAll(async () => {
    await store.close();
    await removePlace(place);
  });

  test('means the workers, and finds the database by the secret', () => {
    const { kind, name } = scaled.spec.scaleTargetRef;
    expect(named(kind, name)).toBeDefined();
    const authentication = named('TriggerAuthentication', trigger.authenticationRef.name);
    for (const { name: secret, key } of authentication.spec.secretTargetRef)
      expect(named('Secret', secret).stringData).toHaveProperty(key);
  });

  test('counts, in the database as it is, jobs that wait and jobs that run', async () => {
    const length = async () => {
      const { rows, fields } = await onServer(place.databaseUrl as string, trigger.metadata.query);
      expect([rows.length, fields.length]).toEqual([1, 1]);
      return Number(rows[0].count);
    };
    const submit = (owner: string, more: { readonly provider?: 'cuda' } = {}) =>
      store.jobs.create(
        { key: 'key', owner, groups: [], role: 'member' },
        {
          ...{ kind: 'score', owner, registration: null, model: 'm', modelName: 'm', card: {} },
          ...{ digest: 'sha256:0', benchmarks: ['a'], sources: ['a'], keys: [`${Math.random()}`] },
          ...more,
        },
      );
    expect(await length()).toBe(0);
    await submit('ada');
    const last = await submit('ben');
    // A job of the service itself makes way for all others.
    await submit(SERVICE_OWNER);
    // The workers of the manifests have no GPU.
    await submit('ada', { provider: 'cuda' });
    expect(await length()).toBe(2);
    const claim = await store.jobs.attempts.claim();
    expect(await length()).toBe(2);
    const job = claim?.job as Job;
    await store.jobs.attempts.giveBack(job.id, job.attempt, { reason: 'stopped', fault: false });
    expect(await length()).toBe(2);
    await store.jobs.cancel(last.id);
    expect(await length()).toBe(1);
  });
});
