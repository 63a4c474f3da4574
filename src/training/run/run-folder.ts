import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { MetricsLog } from '../record/metrics-log.js';
import { TensorboardFile } from '../record/tensorboard.js';
import type { TrainingEvent } from '../record/training-event.js';
import {
  loadState,
  METRICS,
  type RunState,
  requireWholeRun,
  type StateArrays,
  saveState,
  sha256Of,
} from './training-state.js';

/** TensorBoard finds a file by `tfevents` in its name. */
const TENSORBOARD = 'events.out.tfevents.ventral';
const CHECKPOINTS = 'checkpoints';

/** The folder of a run: its logs, checkpoints and state. One process writes it at a time. */
export class RunFolder {
  readonly path: string;
  readonly #metrics: MetricsLog;
  readonly #tensorboard: TensorboardFile;
  readonly #recorded: (event: TrainingEvent) => void;
  /** SHA-256 of checkpoints by their file. */
  readonly #checkpoints: Record<string, string>;
  /** Where the run continued from. */
  readonly resumed: { readonly state: RunState; readonly arrays: StateArrays } | undefined;

  private constructor(
    path: string,
    logs: { readonly metrics: MetricsLog; readonly tensorboard: TensorboardFile },
    resumed: RunFolder['resumed'],
    recorded: (event: TrainingEvent) => void,
  ) {
    this.path = path;
    this.#metrics = logs.metrics;
    this.#tensorboard = logs.tensorboard;
    this.resumed = resumed;
    this.#checkpoints = { ...resumed?.state.digests?.checkpoints };
    this.#recorded = recorded;
  }

  /**
   * Opens a folder where it is: what it holds is checked, and logs are cut to what its state names.
   * @throws VentralError `checkpoint-invalid`
   * @param recorded called with each event after it is in the logs
   */
  static async open(
    path: string,
    recorded: (event: TrainingEvent) => void = () => {},
  ): Promise<RunFolder> {
    await mkdir(join(path, CHECKPOINTS), { recursive: true });
    await requireWholeRun(path);
    const resumed = await loadState(path);
    const { metrics, tensorboard } = resumed?.state.lengths ?? { metrics: 0, tensorboard: 0 };
    const log = await MetricsLog.open(join(path, METRICS), metrics);
    try {
      const file = await TensorboardFile.open(join(path, TENSORBOARD), now(), tensorboard);
      return new RunFolder(path, { metrics: log, tensorboard: file }, resumed, recorded);
    } catch (error) {
      await log.close();
      throw error;
    }
  }

  /** Adds an event to all logs. */
  async record(event: TrainingEvent): Promise<void> {
    await this.#metrics.append(event);
    await this.#tensorboard.append(event, now());
    this.#recorded(event);
  }

  /** Keeps how far the run is; from here it continues. */
  async save(state: Omit<RunState, 'lengths' | 'digests'>, arrays?: StateArrays): Promise<void> {
    const lengths = {
      metrics: await this.#metrics.sync(),
      tensorboard: await this.#tensorboard.sync(),
    };
    const digests = { checkpoints: { ...this.#checkpoints }, metrics: this.#metrics.sha256 };
    await saveState(this.path, { ...state, lengths, digests }, arrays);
  }

  /** Writes a checkpoint. @returns its name in the folder */
  async keep(name: string, bytes: Uint8Array): Promise<string> {
    const file = `${CHECKPOINTS}/${name}.onnx`;
    await writeFileAtomic(join(this.path, file), bytes);
    this.#checkpoints[file] = sha256Of(bytes);
    return file;
  }

  has(file: string): boolean {
    return existsSync(join(this.path, file));
  }

  /**
   * Bytes of a checkpoint.
   * @throws VentralError `checkpoint-invalid` where they are not those that were kept
   */
  async read(file: string): Promise<Uint8Array> {
    const path = join(this.path, file);
    const bytes = await readFile(path);
    const expected = this.#checkpoints[file];
    if (expected === undefined || sha256Of(bytes) === expected) return bytes;
    throw new VentralError('checkpoint-invalid', `${path} is damaged: its SHA-256 is another`, {
      file: path,
    });
  }

  async close(): Promise<void> {
    await this.#metrics.close();
    await this.#tensorboard.close();
  }
}

/** Events of a run so far. */
export const metricsPath = (folder: string): string => join(folder, METRICS);

/** Whether a folder has files of a run. */
export const isRun = (folder: string): boolean => existsSync(join(folder, METRICS));

const now = () => Date.now() / 1000;
