import { dirname, isAbsolute } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Execution } from '../../runtime/provider.js';
import { gpuMemory, gpuPaths } from '../child/gpu-paths.js';
import type { Client } from '../http/client.js';
import { ChildQueue } from '../queue/child-queue.js';
import type { FailedWork } from '../queue/failed-work.js';
import type { ActivationBounds, ActivationTask } from '../work/activation-task.js';
import { measuringPaths } from '../work/task-paths.js';
import { providersOf } from '../worker/offered-providers.js';

/** Limits and folder of the children that compute activations. */
export interface ActivationWork extends ActivationBounds {
  readonly temporary: string;
  /** Seconds that the activations of one request may take. */
  readonly seconds: number;
  readonly failed: FailedWork;
  /** What requests may ask for beside the CPU. */
  readonly offers: readonly Execution[];
  /** Ends them. */
  readonly signal: AbortSignal;
}

/**
 * Computes activations in children, outside the job queue: one at a time for an owner, two in total.
 */
export class ActivationQueue {
  readonly #work: ActivationWork;
  readonly #children: ChildQueue;

  constructor(work: ActivationWork) {
    this.#work = work;
    const places = { what: 'requests for activations', running: 2, runningEach: 1 };
    this.#children = new ChildQueue(places, work.failed);
  }

  /**
   * Resolves once the file is written.
   * @throws VentralError `provider-unavailable`, and as {@link ChildQueue.run}
   */
  async write(client: Client, task: ActivationTask): Promise<void> {
    const { temporary, home, threads, maxMemory, maxScratch, seconds, signal } = this.#work;
    const { reference: model, benchmark, stimuli, output, provider } = task;
    this.#requireOffered(provider);
    const gpu = gpuPaths(provider);
    const { reads, writes } = measuringPaths({
      ...{ home, ...present({ model }) },
      ...(benchmark === undefined ? {} : { benchmarks: [benchmark] }),
    });
    await this.#children.run(client, {
      script: 'activation-child.js',
      task: { task, bounds: { home, threads, maxMemory, maxScratch } },
      temporary,
      reads: [
        ...[...reads, ...gpu.reads],
        ...(stimuli !== undefined && isAbsolute(stimuli) ? [stimuli] : []),
      ],
      ...(provider === undefined ? {} : { devices: gpu.devices }),
      writes: [...writes, dirname(output)],
      limits: {
        ...{ memory: 2 * maxMemory + gpuMemory(provider), seconds },
        option: '--activation-seconds',
      },
      signal,
    });
  }

  #requireOffered(provider: ActivationTask['provider']): void {
    const names = providersOf(this.#work.offers);
    if (provider === undefined || names.includes(provider)) return;
    throw new VentralError(
      'provider-unavailable',
      `This service computes activations on ${names.join(', ')}, not on ${provider}: start it with --provider ${provider}`,
      { field: '/provider', expected: names.join(', '), found: provider },
    );
  }
}
