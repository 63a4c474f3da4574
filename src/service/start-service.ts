import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { VentralError } from '../errors/ventral-error.js';
import { packageVersion } from '../formats/package-root.js';
import type { AskedProvider, Execution } from '../runtime/provider.js';
import { sweepSimulated } from '../scoring/benchmark/simulated-data.js';
import { homeSource } from '../store/files/file-source.js';
import type { S3Place } from '../store/files/s3-files.js';
import { lockHome } from '../store/home/owner-lock.js';
import { type HomeStore, openHomeStore } from '../store/home-store.js';
import type { Keeping } from '../store/jobs/old-jobs.js';
import type { Quotas } from '../store/records/quota.js';
import { type AppOptions, createApp } from './app.js';
import { confinement } from './child/confinement.js';
import { isolationWarnings } from './child/isolation-facts.js';
import { unpackInChild } from './child/unpack-in-child.js';
import { FeatureService } from './features/feature-service.js';
import { type ConnectionPatience, patientServer } from './http/connections.js';
import { listenLocally, removeLocalSocket } from './http/local-socket.js';
import { loopbackAddresses } from './http/loopback-guard.js';
import { type Deadlines, usualDeadlines } from './queue/deadlines.js';
import { FailedWork } from './queue/failed-work.js';
import { Retention } from './queue/retention.js';
import { ActivationQueue } from './registry/activation-queue.js';
import { BenchmarkService } from './registry/benchmark-service.js';
import { shippedCatalog } from './registry/board-source.js';
import type { ServiceContext } from './registry/context.js';
import { FirstScoring } from './registry/first-scoring.js';
import { KeyWatch } from './registry/key-watch.js';
import { Metrics } from './registry/metrics.js';
import { ModelService } from './registry/model-service.js';
import { scoreShipped } from './shipped-scores.js';
import { awaitsContinue } from './upload/upload-space.js';
import { type WebhookOptions, Webhooks } from './webhooks/webhooks.js';
import { DocumentReader } from './work/document-reader.js';
import { offeredHere } from './worker/offered-providers.js';
import { Worker } from './worker/worker.js';

/** How a service is started. */
export interface ServiceOptions extends AppOptions {
  readonly home: string;
  /** The PostgreSQL that holds the tables; without it they are in the home. */
  readonly databaseUrl?: string;
  /** The bucket that files go to as well, for workers and other services. */
  readonly s3?: S3Place;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Whether the next ports may be tried where this one is taken. */
  readonly orNext: boolean;
  readonly maxMemory: number;
  readonly maxScratch: number;
  /** Bytes that the cache of activations may keep. */
  readonly maxCache: number;
  readonly threads: number;
  /** Concurrent jobs of the service, default 1; with 0 only `ventral worker` runs jobs. */
  readonly concurrency?: number;
  /** What requests may ask for beside the CPU; `auto`: all that works here. */
  readonly provider?: AskedProvider;
  /** How long clients may take, for tests. */
  readonly patience?: ConnectionPatience;
  /** Whether shipped models are scored while the queue is empty; default false. */
  readonly scoreShipped?: boolean;
  /** Hosts that may receive webhooks; none by default. */
  readonly webhooks?: WebhookOptions;
  /** What each owner may have. */
  readonly quotas?: Quotas;
  /** How long draws and progress of ended jobs are kept; by default forever. */
  readonly keeping?: Keeping;
  /** Seconds an hour that children of an owner may run without a result. */
  readonly failedSeconds?: number;
  /** How long checks and activations may take. */
  readonly deadlines?: Deadlines;
  readonly log: Logger;
  /** Told what the start waits for next. */
  readonly waits?: (what: string) => void;
  /** Most bytes of an uploaded model. */
  readonly uploadSize?: number;
  /** Compiled module that scores, for tests. */
  readonly scoreScript?: string;
  /** Most seconds of any child process, for tests. */
  readonly childSeconds?: number;
}

/** A running service. */
export interface Service {
  readonly url: string;
  /** Unix socket for commands of its own user; null if there is none. */
  readonly socket: string | null;
  /** Stops accepting, ends children, closes the database, gives the home back. */
  close(): Promise<void>;
}

/** The largest file that protobuf, and so ONNX, allows. */
const UPLOAD_SIZE = 2 ** 31;
const NEXT_PORTS = 100;
const GRACE_MS = 2000;

/**
 * Starts the service on a home: becomes its owner, opens the store, listens, wakes the worker.
 * Resolves once requests are answered.
 * @throws VentralError `bad-usage` for an address other than loopback where there is no key yet, `home-owned`,
 *   `home-format`, `port-taken`
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { home, host, log, waits = () => {} } = options;
  waits('the home');
  const lock = await lockHome(home, { kind: 'service' });
  const undo: (() => Promise<unknown>)[] = [() => lock.release()];
  const close = async () => {
    for (const step of undo.splice(0).reverse())
      await step().catch((error) => log.error({ err: error }, 'Closing failed'));
  };
  try {
    waits('the database');
    const store = await openHomeStore(home, {
      ...options,
      guard: lock,
      unpack: unpackInChild(join(home, 'tmp', 'service'), options.maxMemory),
    });
    undo.push(() => store.close());
    await sweepSimulated(home);
    const warned = warnOfReach(log, store.temporary);
    undo.push(() => warned);
    if (!loopbackAddresses.includes(host)) await requireKey(store, host);
    if (options.provider !== undefined && options.provider !== 'cpu') waits(options.provider);
    const offers = await offeredHere(options.provider, store.temporary);
    const ending = new AbortController();
    undo.push(async () => ending.abort());
    const closing = new AbortController();
    const server = patientServer(options.patience);
    const local = patientServer(options.patience);
    const localConnections = new WeakSet<Socket>();
    local.on('connection', (connection) => localConnections.add(connection));
    const port = () => (server.address() as AddressInfo).port;
    const context = compose(store, options, {
      metrics: await Metrics.open(store.database),
      offers,
      isLocal: ({ socket }) => localConnections.has(socket),
      port,
      ending: ending.signal,
      closing: closing.signal,
    });
    undo.push(() => context.documents.close());
    undo.push(() => context.worker.stop());
    undo.push(() => context.webhooks.stop());
    const app = createApp(context, options);
    // RFC 9110 §10.1.1: an unknown expectation need not be refused; node would, without a body.
    for (const one of [server, local])
      one
        .on('request', app)
        .on('checkExpectation', app)
        .on('checkContinue', (request, response) => {
          awaitsContinue(request, response);
          app(request, response);
        });
    undo.push(() => removeLocalSocket(home));
    await listen(server, options);
    undo.push(() => {
      closing.abort();
      return stopListening([server, local], context.worker);
    });
    const url = `http://${nameOf(host)}:${port()}`;
    const socket = await listenLocally(local, home);
    await lock.publish(url, socket);
    await store.history.recordCatalog(await shippedCatalog());
    waits('the worker');
    await context.worker.registry.claimVersion(packageVersion);
    await context.worker.start();
    await context.webhooks.start();
    const retention = new Retention(store.database, log, options.keeping ?? {});
    undo.push(() => retention.stop());
    if (options.scoreShipped) {
      const stopping = new AbortController();
      undo.push(async () => stopping.abort());
      scoreShipped(context, stopping.signal).catch((error) => {
        if (!stopping.signal.aborted) log.warn({ err: error }, 'Scoring the shipped models failed');
      });
    }
    return { url, socket, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Says what this system does not let us take away from children. */
async function warnOfReach(log: Logger, temporary: string): Promise<void> {
  try {
    for (const warning of isolationWarnings(await confinement(temporary))) log.warn(warning);
  } catch (error) {
    log.warn({ err: error }, 'Detecting the isolation of child processes failed');
  }
}

/** Requests from other machines need a key. */
async function requireKey({ keys }: HomeStore, host: string): Promise<void> {
  if (await keys.any()) return;
  throw new VentralError(
    'bad-usage',
    `--host ${host}: without keys the service listens only on loopback (${loopbackAddresses.join(', ')}); create one with: ventral keys create --name NAME --role admin`,
    { field: 'host' },
  );
}

/** The local host name of the service; loopback if it listens on all addresses. */
function nameOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** Puts the parts of a service together. `ending` ends the children of its desks. */
function compose(
  store: HomeStore,
  options: ServiceOptions,
  own: {
    readonly metrics: Metrics;
    readonly offers: readonly Execution[];
    readonly isLocal: (request: IncomingMessage) => boolean;
    readonly port: () => number;
    readonly ending: AbortSignal;
    readonly closing: AbortSignal;
  },
): ServiceContext {
  const { home, log, maxMemory, maxScratch, maxCache, threads, scoreScript } = options;
  const { uploadSize = UPLOAD_SIZE } = options;
  const { childSeconds, deadlines: asked = usualDeadlines } = options;
  const seconds = childSeconds === undefined ? {} : { seconds: childSeconds };
  const deadlines =
    childSeconds === undefined ? asked : { check: childSeconds, activation: childSeconds };
  const failed = new FailedWork(options.failedSeconds);
  const { check } = deadlines;
  const bounds = { maxMemory, maxScratch, signal: own.ending, check, failed };
  const benchmarks = new BenchmarkService(store, bounds);
  const script = scoreScript ? { script: scoreScript } : {};
  return {
    store,
    home,
    models: new ModelService(store, bounds),
    features: new FeatureService(store, { ...bounds, uploadSize }),
    benchmarks,
    documents: new DocumentReader(),
    worker: new Worker({
      tables: store,
      files: homeSource(store),
      temporary: store.temporary,
      concurrency: options.concurrency ?? 1,
      home,
      log,
      maxMemory,
      maxScratch,
      maxCache,
      threads,
      offers: own.offers,
      ...script,
      ...seconds,
    }),
    activations: new ActivationQueue({
      temporary: store.temporary,
      ...{ home, threads, maxMemory, maxScratch, failed, offers: own.offers },
      seconds: deadlines.activation,
      signal: own.closing,
    }),
    deadlines,
    failed,
    log,
    metrics: own.metrics,
    firstScoring: new FirstScoring(store),
    keyWatch: new KeyWatch(store.keys),
    webhooks: new Webhooks(store.database, log, options.webhooks),
    loopback: loopbackAddresses.includes(options.host),
    isLocal: own.isLocal,
    port: own.port,
    closing: own.closing,
    uploadSize,
  };
}

async function listen(server: Server, { host, port, orNext }: ServiceOptions): Promise<void> {
  const last = orNext && port > 0 ? Math.min(port + NEXT_PORTS, 65_535) : port;
  for (let tried = port; ; tried++) {
    try {
      return await listenOn(server, host, tried);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
        throw new VentralError('bad-usage', `--host ${host}: this machine has no such address`, {
          field: 'host',
          cause: error,
        });
      }
      if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
      if (tried < last) continue;
      const why = code === 'EACCES' ? 'is not permitted' : 'is in use';
      throw new VentralError(
        'port-taken',
        `Port ${tried} on ${host} ${why}: choose another with --port, or 0 for any free one`,
        { cause: error },
      );
    }
  }
}

function listenOn(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Requests that wait for a job are answered immediately (the worker stops), others get a moment to end.
 */
async function stopListening(servers: readonly Server[], worker: Worker): Promise<void> {
  const open = servers.filter(({ listening }) => listening);
  const closed = Promise.all(open.map((server) => new Promise((resolve) => server.close(resolve))));
  for (const server of open) server.closeIdleConnections();
  await worker.stop();
  await Promise.race([closed, sleep(GRACE_MS, undefined, { ref: false })]);
  for (const server of open) server.closeAllConnections();
  await closed;
}
