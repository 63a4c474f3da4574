import type { components } from '../../api/schema.js';
import type { HomeStore } from '../../store/home-store.js';
import { servicePrincipal } from '../../store/records/principal.js';

type State = components['schemas']['FirstScoring'];

/**
 * Seconds that the scores of each shipped model took on two cores (`bench/results/first-scoring.json`, the differences of
 * its times; `pixels` was not measured apart). Only how they relate counts: how fast this machine is it shows itself.
 */
const SECONDS: Readonly<Record<string, number>> = {
  pixels: 20,
  'objects-resnet': 28,
  'gabor-v1': 40,
  'resnet-20': 43,
  'untrained-cnn': 78,
  'efficientnet-b1': 159,
  'resnet-50': 343,
};
/** Of a model that was not measured. */
const USUAL = 78;

const secondsOf = (model: string) => SECONDS[model] ?? USUAL;

/** How far the service has come with the scores of the shipped models. */
export class FirstScoring {
  readonly #store: HomeStore;
  #waiting: string[] = [];
  #done: string[] = [];
  #running: { readonly model: string; readonly job: string; readonly since: number } | undefined;
  /** Models that had to be scored, with the seconds that each took. */
  readonly #took = new Map<string, number>();

  constructor(store: HomeStore) {
    this.#store = store;
  }

  /** @param models in the order in which they are scored */
  start(models: readonly string[]): void {
    this.#waiting = [...models];
    this.#done = [];
  }

  /** A job on a model has started; call what comes back when it has ended. */
  run(model: string, job: string): () => void {
    const since = performance.now();
    this.#running = { model, job, since };
    return () => {
      this.#running = undefined;
      this.#took.set(model, (this.#took.get(model) ?? 0) + secondsSince(since));
    };
  }

  /** A model has what it can have. */
  finish(model: string): void {
    this.#waiting = this.#waiting.filter((one) => one !== model);
    this.#done.push(model);
  }

  async read(): Promise<State> {
    const total = this.#waiting.length + this.#done.length;
    const paused =
      total > this.#done.length && (await this.#store.jobs.othersWait(servicePrincipal));
    return {
      ...{ total, done: this.#done.length, paused },
      running: this.#running ? { model: this.#running.model, job: this.#running.job } : null,
      remainingSeconds: paused ? null : this.#remaining(),
    };
  }

  /**
   * The models that are left, as long as this machine took for those that are done. Null until two were scored, and once
   * none is left.
   */
  #remaining(): number | null {
    const ratios = this.#done
      .map((model) => (this.#took.get(model) ?? Number.NaN) / secondsOf(model))
      .filter(Number.isFinite)
      .sort((a, b) => a - b);
    if (this.#waiting.length === 0 || ratios.length < 2) return null;
    // The median: a model that stood still for the jobs of others took longer than it takes.
    const slowness = ratios[Math.floor(ratios.length / 2)];
    const left = slowness * this.#waiting.reduce((sum, model) => sum + secondsOf(model), 0);
    const [next] = this.#waiting;
    const begun =
      (this.#took.get(next) ?? 0) + (this.#running ? secondsSince(this.#running.since) : 0);
    // However long the model that runs has taken: the others are still to come.
    return Math.ceil(left - Math.min(begun, slowness * secondsOf(next)));
  }
}

const secondsSince = (moment: number) => (performance.now() - moment) / 1000;
