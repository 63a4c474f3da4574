import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { type AppendFile, openAppendFile, wholeLines } from '../../formats/append-file.js';
import { firstRecord, readEventRecords, scalarRecord } from '../../formats/event-record.js';
import { present } from '../../formats/present.js';
import { interval, threeDigits } from '../../report/map-text.js';
import { visibleName } from '../../report/visible-name.js';
import { type PlainCell, tsvLine } from '../print/print-rows.js';
import type { Io } from '../terminal/io.js';
import { type MetricPrefixes, metricsOf } from './metric-names.js';
import type { WatchedResult, WatchedRow, WatchState } from './watch-state.js';

/** Where results go, beside the state. */
export interface OutputPlaces {
  /** Folder of event files of TensorBoard. */
  readonly tensorboard?: string;
  /** File of JSON lines. */
  readonly jsonl?: string;
}

/** Files of results. */
export interface WatchOutputs {
  /** Writes the results of the state that were not written yet. */
  write(): Promise<void>;
  close(): Promise<void>;
}

interface Output {
  add(result: WatchedResult): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the files that results are written to. Each holds a result once: what a killed watch did not write any more is written
 * now, what it wrote by half is cut off.
 * @throws VentralError `bad-usage` for a file that is none of these
 */
export async function openOutputs(
  { tensorboard, jsonl }: OutputPlaces,
  state: WatchState,
  prefix: MetricPrefixes,
): Promise<WatchOutputs> {
  const outputs: Output[] = [];
  if (tensorboard !== undefined) outputs.push(new EventFiles(tensorboard, state, prefix));
  try {
    if (jsonl !== undefined) outputs.push(await openJsonLines(jsonl, state, prefix));
    // What a full disk refuses is written with the next result.
    let told = 0;
    const write = async () => {
      for (; told < state.results.length; told++)
        for (const output of outputs) await output.add(state.results[told]);
    };
    await write();
    return {
      write,
      async close() {
        for (const output of outputs) await output.close();
      },
    };
  } catch (error) {
    for (const output of outputs) await output.close();
    throw error;
  }
}

/** Event files that are open at a time; one that was closed is read once more. */
const MOST_OPEN = 64;

/**
 * An event file for each run, in `RUN/ventral` below the folder: TensorBoard reads the last file of a folder, and the training's
 * own are not to be hidden. The wall time of a record tells whose it is.
 */
class EventFiles implements Output {
  readonly #open = new Map<string, { readonly file: AppendFile; readonly times: Set<number> }>();

  constructor(
    readonly folder: string,
    readonly state: WatchState,
    readonly prefix: MetricPrefixes,
  ) {}

  async add(result: WatchedResult): Promise<void> {
    const { run, step, time } = result;
    const { file, times } = await this.#fileOf(run);
    const wallTime = time / 1000;
    if (times.has(wallTime)) return;
    const scalars = metricsOf(result, this.prefix).filter(
      (each): each is [string, number] => typeof each[1] === 'number',
    );
    await file.append(scalarRecord({ wallTime, step, values: Object.fromEntries(scalars) }));
    times.add(wallTime);
  }

  async close(): Promise<void> {
    for (const { file } of this.#open.values()) await file.close();
    this.#open.clear();
  }

  async #fileOf(run: string) {
    const known = this.#open.get(run);
    if (known) return known;
    const { createdAt, id } = this.state;
    const folder = join(this.folder, run, 'ventral');
    await mkdir(folder, { recursive: true });
    const seconds = Math.floor(createdAt / 1000);
    const path = join(folder, `events.out.tfevents.${seconds}.ventral.${id}`);
    const file = await openAppendFile(path, (content) => readEventRecords(content).end);
    if (file.content.length === 0) await file.append(firstRecord(createdAt / 1000));
    const opened = { file, times: new Set(readEventRecords(file.content).wallTimes) };
    const [oldest] = this.#open;
    if (oldest && this.#open.size >= MOST_OPEN) {
      await oldest[1].file.close();
      this.#open.delete(oldest[0]);
    }
    this.#open.set(run, opened);
    return opened;
  }
}

/** Lines as `wandb.log` keeps them; `watch` and `_timestamp` say which result a line is. */
async function openJsonLines(
  path: string,
  state: WatchState,
  prefix: MetricPrefixes,
): Promise<Output> {
  const file = await openAppendFile(path, (content) => {
    const end = wholeLines(content);
    const rest = content.subarray(end).toString('utf8');
    if (rest === '' || '{"_step":'.startsWith(rest.slice(0, 9))) return end;
    throw new VentralError(
      'bad-usage',
      `--jsonl ${path}: expected JSON lines, found a last line without an end that was not written by a watch`,
      { file: path },
    );
  });
  const written = new Set<unknown>();
  for (const line of file.content.toString('utf8').split('\n')) {
    const { watch, _timestamp } = parsed(line);
    if (watch === state.id) written.add(_timestamp);
  }
  return {
    async add(result) {
      const line = lineOf(result, state, prefix);
      if (written.has(line._timestamp)) return;
      await file.append(`${JSON.stringify(line)}\n`);
      written.add(line._timestamp);
    },
    close: () => file.close(),
  };
}

function parsed(line: string): Record<string, unknown> {
  try {
    return (JSON.parse(line) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function lineOf(result: WatchedResult, { id, createdAt }: WatchState, prefix: MetricPrefixes) {
  const { step, time, run, checkpoint, digest, epoch } = result;
  return {
    _step: step,
    _timestamp: time / 1000,
    _runtime: (time - createdAt) / 1000,
    ...{ run, checkpoint, digest, watch: id },
    ...present({ epoch }),
    ...Object.fromEntries(metricsOf(result, prefix)),
  };
}

const columns = [
  ...['run', 'step', 'checkpoint', 'benchmark', 'map', 'layer', 'value', 'ci_low', 'ci_high'],
  ...['raw', 'ceiling', 'selection', 'simulated', 'inputs', 'digest'],
];

const NAME_WIDTH = 40;

/** Prints a line a row as soon as it is there: TSV in a pipe, with a heading above the first. */
export function rowPrinter(io: Io): (result: WatchedResult) => void {
  let begun = false;
  return (result) => {
    if (io.columns !== undefined) {
      for (const row of result.rows) io.out(`${lineFor(result, row)}\n`);
      return;
    }
    if (!begun) io.out(tsvLine(columns));
    begun = true;
    for (const row of result.rows) io.out(tsvLine(cellsOf(result, row)));
  };
}

function lineFor({ checkpoint, step }: WatchedResult, row: WatchedRow): string {
  const { benchmark, layer, value, ci, map, simulated, selection } = row;
  const notes = [map === 'chosen' && 'map', simulated && 'simulated', selection && 'selection'];
  const [name, on, at] = [checkpoint, benchmark, layer].map((each) =>
    visibleName(each, NAME_WIDTH),
  );
  const number = `${threeDigits(value)} (${interval(ci)})`;
  return [`step ${step}`, name, on, at, number, notes.filter(Boolean).join(', ')]
    .filter(Boolean)
    .join('  ');
}

function cellsOf(result: WatchedResult, row: WatchedRow): PlainCell[] {
  const { run, step, checkpoint, digest } = result;
  const { benchmark, map, layer, value, ci, raw, ceiling, selection, simulated, inputs } = row;
  return [
    ...[run, step, checkpoint, benchmark, map, layer, value, ci?.[0] ?? null, ci?.[1] ?? null],
    ...[raw, ceiling, selection, simulated, inputs, digest],
  ];
}
