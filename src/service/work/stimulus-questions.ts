import { basename } from 'node:path';
import sharp from 'sharp';
import { findData } from '../../data/catalog.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Benchmark } from '../../scoring/benchmark/benchmark.js';
import { DataSources } from '../../scoring/benchmark/data-sources.js';
import { shownAt } from '../../scoring/benchmark/shown-stimuli.js';
import { findBenchmark } from '../../scoring/registry/registry.js';
import { decodeImage } from '../../screen/decode.js';
import { withoutAlpha } from '../../screen/picture.js';
import { placeOnScreen } from '../../screen/place-on-screen.js';

/** A stimulus of a benchmark as HTTP lists it. */
export interface ListedStimulus {
  readonly stimulus: string;
  /** Visual angle at which it was shown; null if it is not placed on a screen. */
  readonly degrees: number | null;
  readonly values: Readonly<Record<string, string | number | boolean | null>>;
}

/** Rows of the table of a stimulus set. */
export interface StimulusRows {
  readonly columns: readonly string[];
  readonly total: number;
  readonly pictures: boolean;
  readonly rows: readonly ListedStimulus[];
}

/** Side of an image that is sent, at most; a larger one is scaled down. */
const SIDE = 512;

/** Answers a question about the data of a benchmark, in the process that may open them. */
export async function answerStimulusTask(task: StimulusTask): Promise<unknown> {
  const benchmarks = findBenchmark(task.file).filter(({ id }) => !task.id || id === task.id);
  if (task.kind === 'describe') {
    // What measures ceilings takes longer to load than an image to draw.
    const { describeBenchmarks } = await import('../../scoring/model/describe-benchmark.js');
    return describeBenchmarks(benchmarks, task.home);
  }
  const [benchmark] = benchmarks;
  const sources = new DataSources(task.home);
  try {
    const stimuli = await openSet(benchmark, sources, task.set);
    if (task.kind === 'rows') return rows(benchmark, stimuli, task);
    return task.kind === 'file'
      ? await file(stimuli, task)
      : await pictures(benchmark, stimuli, task);
  } finally {
    await sources.close();
  }
}

/**
 * @throws VentralError `download-forbidden` where the set is kept from those who train models, `not-found` where
 *   there is none
 */
async function openSet(
  benchmark: Benchmark,
  sources: DataSources,
  set: 'test' | 'fitting',
): Promise<StimulusSet> {
  const source = set === 'test' ? benchmark.stimuli : benchmark.fittingStimuli;
  if (!source) throw new VentralError('not-found', `${benchmark.id} has no fitting stimuli`);
  if (source.kind === 'catalog' && findData(source.identifier, 'stimuli').access === 'private') {
    throw new VentralError(
      'download-forbidden',
      `The stimuli of ${benchmark.id} are private: they are reserved for evaluation and not shown`,
    );
  }
  return sources.stimuli(source, set === 'test' ? 'stimuli' : 'fitting');
}

function rows(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  { from, count }: Extract<StimulusTask, { kind: 'rows' }>,
): StimulusRows {
  const { degrees } = shownAt(benchmark, stimuli);
  return {
    columns: [...stimuli.columns.keys()],
    total: stimuli.ids.length,
    pictures: stimuli.hasImages,
    rows: stimuli.ids.slice(from, from + count).map((id, i) => ({
      stimulus: String(id),
      degrees: degrees?.[from + i] ?? null,
      values: Object.fromEntries(
        [...stimuli.columns].map(([name, { values }]) => {
          const cell = values[from + i];
          return [name, typeof cell === 'number' && !Number.isFinite(cell) ? null : cell];
        }),
      ),
    })),
  };
}

/** A file of a stimulus as HTTP sends it. */
export interface StimulusFile {
  readonly name: string;
  /** In base 64. */
  readonly bytes: string;
}

const MOST_BYTES = 2 ** 26;

/** The file of a stimulus, of a clip that of one frame, as it is stored; null where there is none. */
async function file(
  stimuli: StimulusSet,
  { stimulus, frame }: Extract<StimulusTask, { kind: 'file' }>,
): Promise<StimulusFile | null> {
  const row = stimuli.ids.findIndex((id) => String(id) === stimulus);
  if (row < 0 || !stimuli.hasImages || frame >= (stimuli.frames?.(row) ?? 1)) return null;
  const bytes = await stimuli.read(row, frame);
  const name = basename(stimuli.filename(row, frame));
  if (bytes.length > MOST_BYTES)
    throw new VentralError('too-large', `${name} has more than ${MOST_BYTES} bytes`);
  return { name, bytes: Buffer.from(bytes).toString('base64') };
}

/** PNG of each stimulus by its id, in base64; null for an id that the set does not have. */
async function pictures(
  benchmark: Benchmark,
  stimuli: StimulusSet,
  { stimuli: asked, degrees: target }: Extract<StimulusTask, { kind: 'pictures' }>,
): Promise<Record<string, string | null>> {
  const { degrees } = shownAt(benchmark, stimuli);
  const rowOf = new Map(stimuli.ids.map((id, row) => [String(id), row]));
  const made: Record<string, string | null> = {};
  for (const id of asked) {
    const row = rowOf.get(id);
    if (row === undefined) {
      made[id] = null;
      continue;
    }
    const stored = await decodeImage(await stimuli.read(row), stimuli.filename(row));
    const shown =
      target === undefined || !degrees
        ? stored
        : placeOnScreen(stored, { target, source: degrees[row] });
    const { data, width, height, channels } = withoutAlpha(shown);
    const png = await sharp(data, { raw: { width, height, channels: channels as 1 | 3 } })
      .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
      .png()
      .toBuffer();
    made[id] = png.toString('base64');
  }
  return made;
}

/** A question about the data of a benchmark, for the process that may open them. */
export type StimulusTask = {
  /** Path of a benchmark file. */
  readonly file: string;
  /** Which of the benchmarks in it; without it all, which show the same stimuli. */
  readonly id?: string;
  readonly home: string;
} & (
  | { readonly kind: 'describe' }
  | {
      readonly kind: 'rows';
      readonly set: 'test' | 'fitting';
      /** First row, from 0, and number of rows. */
      readonly from: number;
      readonly count: number;
    }
  | {
      readonly kind: 'file';
      readonly set: 'test' | 'fitting';
      readonly stimulus: string;
      /** Of a clip. */
      readonly frame: number;
    }
  | {
      readonly kind: 'pictures';
      readonly set: 'test' | 'fitting';
      readonly stimuli: readonly string[];
      /** Visual angle of the screen; without it as they are stored. */
      readonly degrees?: number;
    }
);
