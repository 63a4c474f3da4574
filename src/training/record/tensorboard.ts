import { bytesRecord, concatenate, floatRecord, integerRecord } from '../../onnx/wire.js';
import { AppendedFile } from './appended-file.js';
import { maskedCrc32c } from './crc32c.js';
import type { TrainingEvent } from './training-event.js';

/**
 * The scalars of a run in a file that TensorBoard shows: TFRecords (tensorflow/core/lib/io/record_writer.h) of
 * `Event` messages (tensorflow/core/util/event.proto). TensorBoard finds it by `tfevents` in its name.
 */
export class TensorboardFile {
  readonly #file: AppendedFile;

  private constructor(file: AppendedFile) {
    this.#file = file;
  }

  /**
   * Opens a file to append to.
   * @param wallTime seconds since 1970
   * @param length bytes that are kept, as {@link sync} gave them; 0 starts again
   * @throws VentralError `checkpoint-invalid` where the file is shorter than that
   */
  static async open(path: string, wallTime: number, length = 0): Promise<TensorboardFile> {
    const file = await AppendedFile.open(path, length);
    if (length === 0) await file.append(tfRecord(fileVersion(wallTime)));
    return new TensorboardFile(file);
  }

  /** Adds the measurements of an event; see {@link scalarsOf}. */
  async append(event: TrainingEvent, wallTime: number): Promise<void> {
    const { step, scalars } = scalarsOf(event);
    if (scalars.length > 0) await this.#file.append(tfRecord(summary(scalars, step, wallTime)));
  }

  /** Waits until everything is on the disk. Gives the length in bytes. */
  sync(): Promise<number> {
    return this.#file.sync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** A number under the name of its chart. */
export type Scalar = readonly [tag: string, value: number];

/**
 * Scalars of an event for charts. Steps and epochs are those of the stage; robust accuracies are at epsilon in
 * thousandths, since steps are integers.
 */
function scalarsOf(event: TrainingEvent): { step: number; scalars: readonly Scalar[] } {
  const there = (tag: string, value: number | null | undefined): readonly Scalar[] =>
    value === undefined || value === null ? [] : [[tag, value]];
  switch (event.kind) {
    case 'step': {
      const { stage, step, loss, rate, epsilon } = event;
      const scalars = [
        ...there(`${stage}/step/loss`, loss),
        ...there(`${stage}/step/rate`, rate),
        ...there(`${stage}/step/epsilon`, epsilon),
      ];
      return { step, scalars };
    }
    case 'epoch': {
      const { stage, epoch, loss, accuracy, validation } = event;
      const scalars = [
        ...there(`${stage}/epoch/loss`, loss),
        ...there(`${stage}/epoch/accuracy`, accuracy),
        ...there(`${stage}/validation/loss`, validation.loss),
        ...there(`${stage}/validation/accuracy`, validation.accuracy),
        ...there(`${stage}/validation/robust accuracy`, validation.robustAccuracy),
      ];
      return { step: epoch, scalars };
    }
    case 'average':
    case 'comparison':
    case 'note':
      return { step: 0, scalars: [] };
    case 'robustness': {
      const { checkpoint, attack, norm, epsilon, correct, count } = event;
      const tag = `robustness/${norm}/${attack}/${checkpoint}`;
      return { step: Math.round(1000 * epsilon), scalars: there(tag, correct / count) };
    }
    case 'score': {
      const { benchmark, simulated, checkpoint, value } = event;
      const marked = simulated ? `${benchmark} (simulated)` : benchmark;
      return { step: 0, scalars: there(`score/${marked}/${checkpoint}`, value) };
    }
  }
}

/** `Event { wall_time: 1, file_version: 3 }`: the first record of every file. */
const fileVersion = (wallTime: number) =>
  concatenate([doubleRecord(1, wallTime), bytesRecord(3, 'brain.Event:2')]);

/** `Event { wall_time: 1, step: 2, summary: 5 }` of `Summary.Value { tag: 1, simple_value: 2 }`. */
function summary(scalars: readonly Scalar[], step: number, wallTime: number): Uint8Array {
  const values = scalars.map(([tag, value]) =>
    bytesRecord(1, concatenate([bytesRecord(1, tag), floatRecord(2, value)])),
  );
  return concatenate([
    doubleRecord(1, wallTime),
    integerRecord(2, step),
    bytesRecord(5, concatenate(values)),
  ]);
}

function doubleRecord(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, field * 8 + 1);
  view.setFloat64(1, value, true);
  return bytes;
}

/** Length, its checksum, the data, its checksum. */
function tfRecord(data: Uint8Array): Uint8Array {
  const head = new Uint8Array(12);
  const view = new DataView(head.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(head.subarray(0, 8)), true);
  const tail = new Uint8Array(4);
  new DataView(tail.buffer).setUint32(0, maskedCrc32c(data), true);
  return concatenate([head, data, tail]);
}
