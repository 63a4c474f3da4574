import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { HomeStore } from '../../store/home-store.js';
import type { ActivationQueue } from './activation-queue.js';
import type { BenchmarkDesk } from './benchmark-desk.js';
import type { Deadlines } from '../queue/deadlines.js';
import type { DocumentReader } from '../work/document-reader.js';
import type { FailedWork } from '../queue/failed-work.js';
import type { KeyWatch } from './key-watch.js';
import type { Metrics } from './metrics.js';
import type { ModelDesk } from './model-desk.js';
import type { Webhooks } from './webhooks.js';
import type { Worker } from '../worker/worker.js';

/** What the routes stand on. */
export interface ServiceContext {
  readonly store: HomeStore;
  readonly home: string;
  readonly desk: ModelDesk;
  readonly benchmarks: BenchmarkDesk;
  readonly documents: DocumentReader;
  readonly worker: Worker;
  readonly activations: ActivationQueue;
  readonly deadlines: Deadlines;
  /** Counts the children that come to nothing, of whatever kind. */
  readonly failed: FailedWork;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly keyWatch: KeyWatch;
  readonly webhooks: Webhooks;
  /** Whether a request came over the socket in the home, which the service's user alone can open. */
  readonly isLocal: (request: IncomingMessage) => boolean;
  /** The port that the service listens on. */
  readonly port: () => number;
  /** Aborts when the service begins to stop: what streams without end then ends. */
  readonly closing: AbortSignal;
  /** Whether it listens to this machine alone, which without keys has one user. */
  readonly loopback: boolean;
  /** Most bytes of an uploaded model. */
  readonly uploadSize: number;
}
