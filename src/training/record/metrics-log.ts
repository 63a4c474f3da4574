import { readFile } from 'node:fs/promises';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { VentralError } from '../../errors/ventral-error.js';
import { AppendedFile } from './appended-file.js';
import type { TrainingEvent } from './training-event.js';
import { trainingEventSchema } from './training-event-schema.js';

/** The events of a run as JSON lines (`metrics.jsonl`): the same events give the same bytes. */
export class MetricsLog {
  readonly #file: AppendedFile;

  private constructor(file: AppendedFile) {
    this.#file = file;
  }

  /**
   * Opens a log to append to.
   * @param length bytes that are kept, as {@link sync} gave them; 0 starts again
   * @throws VentralError `checkpoint-invalid` where the log is shorter than that
   */
  static async open(path: string, length = 0): Promise<MetricsLog> {
    return new MetricsLog(await AppendedFile.open(path, length));
  }

  /** Adds a line, which outlives the process. A number that is not finite becomes `null`. */
  async append(event: TrainingEvent): Promise<void> {
    await this.#file.append(Buffer.from(`${JSON.stringify(event)}\n`));
  }

  /** Waits until every line is on the disk. Gives the length in bytes. */
  sync(): Promise<number> {
    return this.#file.sync();
  }

  /** SHA-256 of all lines so far, in hexadecimal. */
  get sha256(): string {
    return this.#file.sha256;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/**
 * The events of a log. A last line without its end, as a kill leaves it, is passed over; any other line that
 * is no event is an error.
 * @param length bytes that are read; all unless said
 * @throws VentralError `file-missing`; `checkpoint-invalid`, naming the line
 */
export async function readMetrics(path: string, length?: number): Promise<TrainingEvent[]> {
  const bytes = await readFile(path).catch((error) => {
    throw VentralError.from(error);
  });
  const text = bytes.subarray(0, length).toString('utf8');
  const lines = text.split('\n');
  return lines.slice(0, -1).map((line, i) => eventOf(line, `${path}:${i + 1}`, path));
}

let validate: ValidateFunction<TrainingEvent> | undefined;

function eventOf(line: string, place: string, file: string): TrainingEvent {
  const event = parsed(line);
  if (isTrainingEvent(event)) return withNumbers(event);
  const [{ instancePath, message } = { instancePath: '', message: '' }] = validate?.errors ?? [];
  const where = instancePath || 'the line';
  throw new VentralError('checkpoint-invalid', `${place} is no event: ${where} ${message}`, {
    file,
    field: where,
  });
}

/** Whether a value out of JSON is an event; a loss that was not finite is `null` there. */
export function isTrainingEvent(value: unknown): value is TrainingEvent {
  validate ??= new Ajv2020({ discriminator: true, strict: false }).compile<TrainingEvent>(
    trainingEventSchema,
  );
  return validate(value);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** An event out of JSON, which has no NaN: a loss that was not finite came as `null`. */
export function withNumbers(event: TrainingEvent): TrainingEvent {
  if (event.kind !== 'step' && event.kind !== 'epoch') return event;
  const loss = event.loss ?? Number.NaN;
  if (event.kind === 'step') return { ...event, loss };
  const { validation } = event;
  return {
    ...event,
    loss,
    validation: { ...validation, loss: validation.loss ?? Number.NaN },
  };
}
