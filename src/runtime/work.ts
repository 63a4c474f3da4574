import { cpus } from 'node:os';

/** How far a job is: the stage that it is in, and the whole of it. */
export interface Progress {
  readonly stage: string;
  /** Items of the stage. */
  readonly done: number;
  readonly total: number;
  /** Of the work of the whole job, from 0 to 1; never falls. */
  readonly share: number;
  /** Since the job, or this attempt at it, began. */
  readonly elapsedSeconds: number;
  /** Estimate for the rest of the job; null until its work is known and the first of it is measured. */
  readonly etaSeconds: number | null;
  /** Text beside the numbers: loss, rate. */
  readonly words?: string;
}

/** A stage whose cost is known before it begins. */
export interface StagePlan {
  readonly stage: string;
  /** Items, for example images. */
  readonly total: number;
  /** Seconds that all items would take on an idle computer of two cores, from their shapes. */
  readonly seconds: number;
  /** Stages of a kind are corrected together, by the measured seconds of their items; the stage unless said. */
  readonly kind?: string;
  /** What the prediction is in proportion to, and so what corrects it until its own kind is measured. */
  readonly basis: Basis;
}

/** Passes of a network, arithmetic of our own, or bytes that are read. */
export type Basis = 'network' | 'arithmetic' | 'bytes';

/** What a part without a plan may take. */
export type Guess = Pick<StagePlan, 'seconds' | 'basis'>;

/** Seconds in which an image of 224 pixels goes through a network of middle size. */
const PASS_SECONDS = 0.02;

/** Predicted seconds of an image's pass through a network. @param side pixels of its input */
export const passSeconds = (side = 224): number => PASS_SECONDS * (side / 224) ** 2;

/** Done and left, in seconds; left is undefined where it is not known. */
interface Extent {
  readonly done: number;
  readonly left: number | undefined;
}

/**
 * The work of a job, or of one of its parts: a plan of stages, each with its cost as predicted from shapes, corrected by
 * the speed that is measured as it goes (design §11). The time between two reports is charged to the stage that sends the
 * second. Parts of equal size whose plan is not known yet are estimated by those that have one.
 */
export class Work {
  readonly #job: Job;
  readonly #name: string;
  readonly #guess: (() => Guess) | undefined;
  readonly #inside: (Stage | Work)[] = [];
  #planned = false;
  #over = false;
  #mirrored: Extent | undefined;

  private constructor(job: Job, name: string, guess?: () => Guess) {
    this.#job = job;
    this.#name = name;
    this.#guess = guess;
  }

  /**
   * The work of a new job.
   * @param listener told at every report
   * @param clock for tests
   */
  static start(
    listener: (progress: Progress) => void = () => {},
    clock: Clock = { now: () => performance.now(), free: freeSeconds },
  ): Work {
    const job = new Job(listener, clock);
    const work = new Work(job, '');
    job.whole = () => work.extent();
    return work;
  }

  /** Adds a stage to the plan. */
  stage(plan: StagePlan): Stage {
    const stage = new Stage(this.#job, { ...plan, stage: this.#named(plan.stage) });
    this.#inside.push(stage);
    return stage;
  }

  /**
   * Adds parts, each with a plan of its own.
   * @param guess predicted seconds of each, for as long as it has no plan; asked for at each report
   */
  parts(names: readonly string[], guess?: () => Guess): Work[] {
    const parts = names.map((name) => new Work(this.#job, this.#named(name), guess));
    this.#inside.push(...parts);
    return parts;
  }

  /** Declares that the plan has all stages and parts of this work. */
  planned(): void {
    this.#planned = true;
  }

  /** Takes over what another process or thread says of its own whole work. */
  mirror({ stage, done, total, elapsedSeconds, etaSeconds, words }: Progress): void {
    this.#mirrored = { done: elapsedSeconds, left: etaSeconds ?? undefined };
    this.#job.touch();
    const named = { stage: this.#named(stage), done, total };
    this.#job.report(words === undefined ? named : { ...named, words });
  }

  /** Everything of it is done, now or before, or came from a cache. */
  end(): void {
    this.#planned = true;
    this.#over = true;
    for (const each of this.#inside) each.end();
    if (this.#mirrored) this.#mirrored = { done: this.#mirrored.done, left: 0 };
  }

  /** Done and left, parts without a plan as long as the mean of the others. */
  extent(): Extent {
    if (this.#mirrored) return this.#mirrored;
    if (this.#over && this.#inside.length === 0) return { done: this.guessed() ?? 0, left: 0 };
    const extents = this.#inside.map((each) => each.extent());
    // What came from a cache says nothing about the others.
    const known = this.#inside.flatMap((each, i) => {
      const { done, left } = extents[i];
      return each instanceof Work && left !== undefined && done + left > 0 ? [done + left] : [];
    });
    const usual = known.length > 0 ? known.reduce((a, b) => a + b, 0) / known.length : undefined;
    let done = 0;
    let left: number | undefined = this.#planned ? 0 : undefined;
    for (const [i, each] of extents.entries()) {
      done += each.done;
      const whole = this.#inside[i].guessed() ?? usual;
      const rest = each.left ?? (whole === undefined ? undefined : Math.max(0, whole - each.done));
      left = left === undefined || rest === undefined ? undefined : left + rest;
    }
    return { done, left };
  }

  /** Seconds of a part without a plan, where they were guessed. */
  guessed(): number | undefined {
    if (!this.#guess) return undefined;
    const { seconds, basis } = this.#guess();
    return seconds * this.#job.correction({ name: '', basis });
  }

  #named(name: string): string {
    return [this.#name, name].filter((each) => each !== '').join(': ');
  }
}

/** One stage of a plan. */
export class Stage {
  readonly #job: Job;
  readonly #plan: StagePlan;
  #done = 0;
  /** Items as they are known now. */
  #total: number;
  #begun = false;

  /** Use {@link Work.stage}. */
  constructor(job: Job, plan: StagePlan) {
    this.#job = job;
    this.#plan = plan;
    this.#total = plan.total;
  }

  /** Whether it has reported. */
  get begun(): boolean {
    return this.#begun;
  }

  /** Takes back the number of items of the plan: so many were done, and so many are left. An item costs what it did. */
  expect(done: number, left: number): void {
    this.#total = done + left;
  }

  /**
   * Reports items; the first report, of none, says that the stage begins.
   * @param shown what a person is shown, where that is not the items
   */
  at(done: number, shown: Partial<Pick<Progress, 'done' | 'total' | 'words'>> = {}): void {
    const { stage } = this.#plan;
    const total = this.#total;
    this.#begun = true;
    this.#job.charge(this.#kind, this.#predicted(done - this.#done));
    this.#done = Math.max(this.#done, done);
    this.#job.report({ stage, done, total, ...shown });
  }

  /** Counts items that were done before: they say nothing about speed. */
  skip(done: number): void {
    this.#done = Math.max(this.#done, done);
  }

  /** A stage has a plan. */
  guessed(): undefined {
    return undefined;
  }

  /** Counts all items as done. */
  end(): void {
    this.#done = this.#total;
  }

  extent(): Extent {
    const correction = this.#job.correction(this.#kind);
    const left = Math.max(0, this.#total - this.#done);
    return {
      done: this.#predicted(this.#done) * correction,
      left: this.#predicted(left) * correction,
    };
  }

  get #kind(): Kind {
    const { kind, stage, basis } = this.#plan;
    return { name: `${basis} ${kind ?? stage}`, basis };
  }

  #predicted(items: number): number {
    const { seconds, total } = this.#plan;
    return total > 0 ? (seconds * Math.max(0, items)) / total : 0;
  }
}

interface Kind {
  readonly name: string;
  readonly basis: Basis;
}

/** Seconds that were predicted for the items done of a kind, and those that they took. */
interface Measured {
  readonly basis: Basis;
  /** The first time that items were charged. */
  readonly first: Readonly<Charged>;
  /** All times after it. */
  readonly later: Charged;
}

interface Charged {
  predicted: number;
  took: number;
}

/**
 * What says how fast a kind is: the first time has the start in it (threads, memory, first runs), and counts only until as
 * much was done after it.
 */
const speedOf = ({ first, later }: Measured): Charged =>
  later.took > 0 && later.predicted >= first.predicted
    ? later
    : { predicted: first.predicted + later.predicted, took: first.took + later.took };

/**
 * What a prediction weighs against what is measured, in predicted seconds. That of arithmetic is good to a third or so,
 * while the first seconds of it have the start of threads in them; that of a network or a disk may be ten times off.
 */
const PRIOR_SECONDS: Readonly<Record<Basis, number>> = { arithmetic: 6, network: 0, bytes: 0 };

/** A busier computer than this is not told from one that stands still. */
const MOST_LOAD = 20;

/** Milliseconds between two looks at the cores: one takes some milliseconds where there are many. */
const BETWEEN_LOOKS = 500;

interface Clock {
  /** Milliseconds. */
  now(): number;
  /** Seconds of all cores so far that no other process had. */
  free(): number;
}

interface Look {
  readonly at: number;
  readonly free: number;
}

/** The clock of a job, and what it has measured. */
class Job {
  whole: () => Extent = () => ({ done: 0, left: undefined });
  readonly #listener: (progress: Progress) => void;
  readonly #clock: Clock;
  readonly #began: number;
  readonly #measured = new Map<string, Measured>();
  #last: number;
  /** While the network runs: seconds, and those of all cores that this process used or that were idle. */
  #running = { wall: 0, free: 0 };
  /** The last look at the cores, while the network runs. */
  #looked: Look | undefined;
  #share = 0;

  constructor(listener: (progress: Progress) => void, clock: Clock) {
    this.#listener = listener;
    this.#clock = clock;
    this.#began = clock.now();
    this.#last = this.#began;
  }

  /** Begins a new interval, whose time before belongs to no kind. */
  touch(): void {
    this.#last = this.#clock.now();
  }

  charge({ name, basis }: Kind, predicted: number): void {
    const took = (this.#clock.now() - this.#last) / 1000;
    if (predicted > 0) {
      const kind = this.#measured.get(name);
      if (kind) {
        kind.later.predicted += predicted;
        kind.later.took += took;
      } else {
        const later = { predicted: 0, took: 0 };
        this.#measured.set(name, { basis, first: { predicted, took }, later });
      }
    }
    this.#look(basis);
    this.touch();
  }

  /** Measured over predicted seconds of a kind; until it is measured, of all kinds of its basis. */
  correction({ name, basis }: Kind): number {
    const own = this.#measured.get(name);
    const like = [...this.#measured.values()].filter((each) => each.basis === basis);
    const speeds = (own ? [own] : like).map(speedOf);
    const prior = PRIOR_SECONDS[basis];
    const predicted = speeds.reduce((sum, each) => sum + each.predicted, prior);
    if (predicted <= 0) return 1;
    const load = basis === 'arithmetic' ? this.#load() : 1;
    return speeds.reduce((sum, each) => sum + each.took, prior * load) / predicted;
  }

  #look(basis: Basis): void {
    const before = this.#looked;
    if (basis !== 'network') this.#looked = undefined;
    else if (!before || this.#clock.now() - before.at >= BETWEEN_LOOKS) {
      this.#looked = { at: this.#clock.now(), free: this.#clock.free() };
      if (!before) return;
      this.#running.wall += (this.#looked.at - before.at) / 1000;
      this.#running.free += this.#looked.free - before.free;
    }
  }

  /** How many times longer arithmetic takes because other processes have the cores: idle time is free for it. */
  #load(): number {
    const { wall, free } = this.#running;
    if (free <= 0) return 1;
    return Math.min(MOST_LOAD, Math.max(1, (wall * cpus().length) / free));
  }

  report(at: Pick<Progress, 'stage' | 'done' | 'total' | 'words'>): void {
    const { done, left } = this.whole();
    const known = left !== undefined && (done > 0 || left === 0);
    if (known) this.#share = Math.max(this.#share, done + left > 0 ? done / (done + left) : 0);
    this.#listener({
      ...at,
      share: this.#share,
      elapsedSeconds: tenths((this.#clock.now() - this.#began) / 1000),
      etaSeconds: known ? tenths(left) : null,
    });
  }
}

const tenths = (seconds: number) => Math.round(seconds * 10) / 10;

function freeSeconds(): number {
  const { user, system } = process.cpuUsage();
  const idle = cpus().reduce((sum, { times }) => sum + times.idle, 0);
  return (user + system) / 1e6 + idle / 1000;
}
