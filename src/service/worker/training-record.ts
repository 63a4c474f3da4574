import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import type { TrainingJob, TrainingRun } from '../../store/jobs/job.js';
import type { CheckpointRecord } from '../../store/jobs/training-store.js';
import { isTrainingEvent } from '../../training/record/metrics-log.js';
import type { TrainingEvent } from '../../training/record/training-event.js';
import { redactPaths } from '../http/redact-paths.js';
import { receiveStream } from '../upload/receive-file.js';
import type { TrainingPart } from '../work/training-task.js';
import { EventPace } from './event-pace.js';
import type { WorkOptions } from './work-options.js';

/** Events of an attempt; a recipe that HTTP takes has fewer. */
const MOST_EVENTS = 20_000;
/** Events that wait to be written. */
const MOST_WAITING = 5000;
/** Characters of an event as JSON: the mean of a thousand epochs names them all. */
const MOST_TEXT = 200_000;
/** The largest file that protobuf, and so ONNX, allows. */
const MOST_BYTES = 2 ** 31;

/** Name of a checkpoint by its file in the folder of a run. */
export const checkpointName = (file: unknown): string | undefined =>
  /^checkpoints\/([A-Za-z0-9][A-Za-z0-9_.-]{0,127})\.onnx$/.exec(String(file))?.[1];

/** Told of what ends an attempt. */
export interface RecordEnds {
  /** The attempt is over: another worker has the job, or none. */
  readonly over: () => void;
  /** Something could not be written; {@link TrainingRecord.failure} says why. */
  readonly failed: () => void;
}

/**
 * Stores the events of one attempt's process: each once, in order, and the checkpoint of an epoch with its event.
 * They are untrusted and validated here.
 */
export class TrainingRecord {
  readonly #job: TrainingJob;
  readonly #folder: string;
  readonly #options: WorkOptions;
  readonly #ends: RecordEnds;
  readonly #stepPace = new EventPace();
  #events = 0;
  #waiting = 0;
  #over = false;
  #failure: VentralError | undefined;
  #written: Promise<void> = Promise.resolve();

  /** @param folder of the run */
  constructor(job: TrainingJob, folder: string, options: WorkOptions, ends: RecordEnds) {
    this.#job = job;
    this.#folder = folder;
    this.#options = options;
    this.#ends = ends;
  }

  /** Why something could not be written. */
  get failure(): VentralError | undefined {
    return this.#failure;
  }

  /**
   * Takes a part of what the process sends.
   * @throws RangeError for what is none
   */
  take(part: Partial<TrainingPart & { run: TrainingRun; events: unknown[] }>): void {
    const { id, attempt } = this.#job;
    const { run, events = [] } = part;
    if (run) {
      if (!isRun(run)) throw new RangeError('an invalid run');
      const { digests, versions } = run;
      this.#queue(() =>
        this.#options.tables.jobs.attempts.setRun(id, attempt, { digests, versions }),
      );
    }
    if (!Array.isArray(events)) throw new RangeError('invalid events');
    for (const event of events) this.#event(event);
  }

  /** Resolves when all that was taken is written. */
  async settled(): Promise<void> {
    await this.#written;
  }

  #event(event: unknown): void {
    if (!isTrainingEvent(event) || JSON.stringify(event).length > MOST_TEXT)
      throw new RangeError('an invalid event');
    if (event.kind === 'step') {
      if (this.#stepPace.wait > 0) return;
      this.#stepPace.restart();
    }
    if (++this.#events > MOST_EVENTS || this.#waiting > MOST_WAITING)
      throw new RangeError('too many events');
    this.#queue(() => this.#write(event));
  }

  #queue(work: () => Promise<boolean>): void {
    this.#waiting++;
    this.#written = this.#written.then(async () => {
      this.#waiting--;
      if (this.#over || this.#failure) return;
      try {
        this.#over = !(await work());
        if (this.#over) this.#ends.over();
      } catch (error) {
        this.#failure = VentralError.from(error);
        this.#ends.failed();
      }
    });
  }

  async #write(event: TrainingEvent): Promise<boolean> {
    const { id, attempt } = this.#job;
    const { jobs } = this.#options.tables;
    const told = withNames(event, this.#options.home);
    if (event.kind !== 'epoch' && event.kind !== 'average')
      return jobs.attempts.addMetric(id, attempt, { event: told });
    // Its checkpoint was kept with it.
    if (await jobs.trainings.has(id, told)) return true;
    const file = await this.#keep(event.checkpoint);
    const epoch = event.kind === 'epoch' ? event.epoch : null;
    const checkpoint = { ...file, stage: event.stage, epoch };
    return jobs.attempts.addMetric(id, attempt, { event: told, checkpoint });
  }

  /** Copies a checkpoint out of the run to where networks are kept. */
  async #keep(file: string): Promise<Pick<CheckpointRecord, 'name' | 'digest' | 'size'>> {
    const name = checkpointName(file);
    if (name === undefined) throw new VentralError('internal', `There is no checkpoint ${file}`);
    // They are in the hands of the process that trains: no link leads out, and nothing is waited for.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const path = join(this.#folder, 'checkpoints');
    const folder = await open(path, flags | constants.O_DIRECTORY);
    const within = process.platform === 'linux' ? `/proc/self/fd/${folder.fd}` : path;
    const handle = await open(join(within, `${name}.onnx`), flags).finally(() => folder.close());
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new VentralError('internal', `${name} is not a regular file`);
      const { jobs } = this.#options.tables;
      await jobs.trainings.requireRoom(this.#job.id, found.size);
      const copy = await receiveStream(
        handle.createReadStream({ autoClose: false }),
        this.#options.temporary,
        { filename: name, most: Math.min(found.size, MOST_BYTES) },
      );
      await this.#options.files.keep(copy.path, copy.digest);
      return { name, digest: copy.digest, size: copy.size };
    } finally {
      await handle.close();
    }
  }
}

/** An event with names in place of files, and without the folders of a home. */
function withNames(event: TrainingEvent, home: string): TrainingEvent {
  const nameOf = (file: string) => checkpointName(file) ?? file;
  if (event.kind === 'epoch') return { ...event, checkpoint: nameOf(event.checkpoint) };
  if (event.kind === 'average')
    return { ...event, checkpoint: nameOf(event.checkpoint), of: event.of.map(nameOf) };
  if (event.kind !== 'score') return event;
  const plain = (text: string) => redactPaths({ detail: text }, home).detail;
  const { benchmark, reason } = event;
  return {
    ...event,
    benchmark: plain(benchmark),
    ...(reason === undefined ? {} : { reason: plain(reason) }),
  };
}

function isRun(run: unknown): run is TrainingRun {
  const { digests, versions } = run as Partial<TrainingRun>;
  return [digests, versions].every(
    (texts) =>
      typeof texts === 'object' &&
      texts !== null &&
      Object.keys(texts).length <= 50 &&
      Object.entries(texts)
        .flat()
        .every((text) => typeof text === 'string' && text.length <= 500),
  );
}
