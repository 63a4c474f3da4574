import { dirname, isAbsolute } from 'node:path';
import { present } from '../../formats/present.js';
import type { Client } from '../http/client.js';
import { ChildQueue } from '../queue/child-queue.js';
import type { FailedWork } from '../queue/failed-work.js';
import type { ActivationBounds, ActivationTask } from '../work/activation-task.js';
import { measuringPaths } from '../work/task-paths.js';

/** Limits and folder of the children that compute activations. */
export interface ActivationWork extends ActivationBounds {
  readonly temporary: string;
  /** Seconds that the activations of one request may take. */
  readonly seconds: number;
  readonly failed: FailedWork;
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
   * @throws as {@link ChildQueue.run}
   */
  async write(client: Client, task: ActivationTask): Promise<void> {
    const { temporary, home, threads, maxMemory, maxScratch, seconds, signal } = this.#work;
    const { reference: model, benchmark, stimuli, output } = task;
    const { reads, writes } = measuringPaths({
      ...{ home, ...present({ model }) },
      ...(benchmark === undefined ? {} : { benchmarks: [benchmark] }),
    });
    await this.#children.run(client, {
      script: 'activation-child.js',
      task: { task, bounds: { home, threads, maxMemory, maxScratch } },
      temporary,
      reads: [...reads, ...(stimuli !== undefined && isAbsolute(stimuli) ? [stimuli] : [])],
      writes: [...writes, dirname(output)],
      limits: { memory: 2 * maxMemory, seconds, option: '--activation-seconds' },
      signal,
    });
  }
}
