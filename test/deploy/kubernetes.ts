import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { packageRoot } from '../../src/formats/package-root.js';

// biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever a manifest has.
export type Manifest = any;

const folder = join(packageRoot, 'deploy', 'kubernetes');

/** Every document of the manifests; a fault of YAML, such as a key that stands twice, throws. */
export function manifests(): Manifest[] {
  return readdirSync(folder).flatMap((name) =>
    parseAllDocuments(readFileSync(join(folder, name), 'utf8'), { strict: true }).map(
      (document) => {
        const [fault] = [...document.errors, ...document.warnings];
        if (fault) throw new Error(`${name}: ${fault.message}`);
        return document.toJS();
      },
    ),
  );
}

/**
 * Keys that an object may have, by kind of object, as the reference of the API lists them (Kubernetes 1.30, KEDA 2),
 * no more than the manifests use; a leaf is `true`.
 */
const securityContext = {
  ...{ runAsNonRoot: true, runAsUser: true, runAsGroup: true, fsGroup: true },
  ...{ fsGroupChangePolicy: true, seccompProfile: { type: true } },
};
const probe = {
  ...{ httpGet: { path: true, port: true }, periodSeconds: true },
  ...{ timeoutSeconds: true, failureThreshold: true },
};
const quantities = { cpu: true, memory: true, storage: true, 'ephemeral-storage': true };
const container = {
  ...{ name: true, image: true, args: true },
  ports: [{ name: true, containerPort: true }],
  env: [{ name: true, value: true, valueFrom: { secretKeyRef: { name: true, key: true } } }],
  ...{ startupProbe: probe, readinessProbe: probe, livenessProbe: probe },
  resources: { requests: quantities, limits: quantities },
  securityContext: {
    ...{ allowPrivilegeEscalation: true, readOnlyRootFilesystem: true },
    capabilities: { drop: true },
  },
  volumeMounts: [{ name: true, mountPath: true }],
};
const labels = {
  'app.kubernetes.io/name': true,
  'app.kubernetes.io/component': true,
};
const metadata = { name: true, labels };
const template = {
  metadata: { labels },
  spec: {
    ...{ automountServiceAccountToken: true, terminationGracePeriodSeconds: true },
    ...{ restartPolicy: true, securityContext, containers: [container] },
    volumes: [
      {
        name: true,
        persistentVolumeClaim: { claimName: true },
        emptyDir: { sizeLimit: true },
      },
    ],
  },
};
const selector = {
  matchLabels: { ...labels, 'kubernetes.io/metadata.name': true },
  matchExpressions: [{ key: true, operator: true, values: true }],
};
const peer = { podSelector: selector, namespaceSelector: selector };
const port = { protocol: true, port: true };
const kinds: Readonly<Record<string, object>> = {
  'v1 Secret': { type: true, stringData: { DATABASE_URL: true, VENTRAL_KEY: true } },
  'v1 PersistentVolumeClaim': {
    spec: { accessModes: true, resources: { requests: quantities } },
  },
  'v1 Service': {
    spec: { selector: labels, ports: [{ name: true, port: true, targetPort: true }] },
  },
  'batch/v1 Job': { spec: { backoffLimit: true, template } },
  'apps/v1 Deployment': {
    spec: { replicas: true, strategy: { type: true }, selector, template },
  },
  'networking.k8s.io/v1 NetworkPolicy': {
    spec: {
      ...{ podSelector: selector, policyTypes: true },
      ingress: [{ from: [peer], ports: [port] }],
      egress: [{ to: [peer], ports: [port] }],
    },
  },
  'keda.sh/v1alpha1 TriggerAuthentication': {
    spec: { secretTargetRef: [{ parameter: true, name: true, key: true }] },
  },
  'keda.sh/v1alpha1 ScaledObject': {
    spec: {
      scaleTargetRef: { apiVersion: true, kind: true, name: true },
      ...{ minReplicaCount: true, maxReplicaCount: true },
      ...{ pollingInterval: true, cooldownPeriod: true },
      advanced: {
        horizontalPodAutoscalerConfig: {
          behavior: {
            scaleDown: {
              stabilizationWindowSeconds: true,
              policies: [{ type: true, value: true, periodSeconds: true }],
            },
          },
        },
      },
      triggers: [
        {
          type: true,
          metadata: { query: true, targetQueryValue: true, activationTargetQueryValue: true },
          authenticationRef: { name: true },
        },
      ],
    },
  },
};

/** Keys that the API has not, each by its path; a misspelt one would be ignored or refused by a cluster. */
export function unknownKeys(manifest: Manifest): string[] {
  const kind = `${manifest.apiVersion} ${manifest.kind}`;
  const known = kinds[kind];
  if (!known) return [`${kind} is unknown`];
  const all = { ...{ apiVersion: true, kind: true, metadata }, ...known };
  return against(manifest, all, `${manifest.kind} ${manifest.metadata?.name}`);
}

function against(value: Manifest, known: unknown, path: string): string[] {
  if (known === true) return [];
  if (Array.isArray(known)) {
    if (!Array.isArray(value)) return [`${path} is no list`];
    return value.flatMap((each, i) => against(each, known[0], `${path}[${i}]`));
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    return [`${path} is no object`];
  return Object.entries(value).flatMap(([key, inner]) => {
    const next = (known as Record<string, unknown>)[key];
    return next === undefined ? [`${path}.${key}`] : against(inner, next, `${path}.${key}`);
  });
}

/** Whether labels are those that a selector means. */
export function selects(
  { matchLabels = {}, matchExpressions = [] }: Manifest,
  of: Readonly<Record<string, string>>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => of[key] === value) &&
    matchExpressions.every(
      ({ key, operator, values }: Manifest) => operator === 'In' && values.includes(of[key]),
    )
  );
}
