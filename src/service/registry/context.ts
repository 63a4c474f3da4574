import type { FeatureService } from '../features/feature-service.js';
import type { RequestContext } from '../http/request-context.js';
import type { Deadlines } from '../queue/deadlines.js';
import type { FailedWork } from '../queue/failed-work.js';
import type { Webhooks } from '../webhooks/webhooks.js';
import type { DocumentReader } from '../work/document-reader.js';
import type { Worker } from '../worker/worker.js';
import type { ActivationQueue } from './activation-queue.js';
import type { BenchmarkService } from './benchmark-service.js';
import type { FirstScoring } from './first-scoring.js';
import type { KeyWatch } from './key-watch.js';
import type { Metrics } from './metrics.js';
import type { ModelService } from './model-service.js';

/** Dependencies of the routes. */
export interface ServiceContext extends RequestContext {
  readonly home: string;
  readonly models: ModelService;
  readonly features: FeatureService;
  readonly benchmarks: BenchmarkService;
  readonly documents: DocumentReader;
  readonly worker: Worker;
  readonly activations: ActivationQueue;
  readonly deadlines: Deadlines;
  /** Counts the children that come to nothing, of whatever kind. */
  readonly failed: FailedWork;
  readonly metrics: Metrics;
  readonly firstScoring: FirstScoring;
  readonly keyWatch: KeyWatch;
  readonly webhooks: Webhooks;
  /** Aborts when the service starts to stop, which ends open streams. */
  readonly closing: AbortSignal;
  /** Most bytes of an uploaded model. */
  readonly uploadSize: number;
}
