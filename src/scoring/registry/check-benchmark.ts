import { sameFrameSizes } from '../../activations/stimuli/stimulus-feed.js';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Warning } from '../../metrics/metric.js';
import { decodeImage } from '../../screen/decode.js';
import { hasData } from '../benchmark/benchmark-data.js';
import { benchmarkNotices, type LoadedBenchmark } from '../measure/loaded-benchmark.js';
import { loadBenchmarks } from './load-benchmark.js';
import { findBenchmark } from './registry.js';

/** What a check of a benchmark file found, none of which stops a score. */
export interface BenchmarkCheck {
  /** Identifiers of its benchmarks, one a region. */
  readonly ids: readonly string[];
  /** Whether all of its data are here; else the file alone was checked. */
  readonly ready: boolean;
  /** What every score on it will be marked with. */
  readonly notices: readonly (Warning & { readonly benchmark: string })[];
}

/**
 * Checks a benchmark file, and where they are here its data, by the code that a score goes through, images
 * included.
 * @throws what a score would be refused for, whatever the model; several reasons are one error
 */
export async function checkBenchmark(
  file: string,
  context: { readonly home: string },
): Promise<BenchmarkCheck> {
  const benchmarks = findBenchmark(file);
  const ids = benchmarks.map(({ id }) => id);
  const here = await Promise.all(benchmarks.map((benchmark) => hasData(benchmark, context.home)));
  if (!here.every(Boolean)) return { ids, ready: false, notices: [] };
  const errors: VentralError[] = [];
  const { loaded, close } = await loadBenchmarks([file], context, (_id, thrown) => {
    errors.push(VentralError.from(thrown));
  });
  try {
    if (errors.length === 0) await decodeAll(loaded);
  } finally {
    await close();
  }
  if (errors[0]) {
    const sentences = [...new Set(errors.map(({ message }) => message))];
    throw new VentralError(errors[0].code, sentences.join('\n'), errors[0].details);
  }
  const notices = loaded.flatMap((each) =>
    noticesOf(each).map((notice) => ({ benchmark: each.benchmark.id, ...notice })),
  );
  return { ids, ready: true, notices };
}

function noticesOf(loaded: LoadedBenchmark): Warning[] {
  const { dropped, shown } = loaded;
  const drops = Object.entries(dropped ?? {}).map(([what, count]) => ({
    code: 'benchmark-dropped',
    detail: `drop leaves out ${count} ${what}`,
  }));
  const pictures = shown.every(({ stimuli }) => stimuli.hasImages)
    ? []
    : [
        {
          code: 'benchmark-no-images',
          detail: 'the stimuli have no images: only --features can be scored',
        },
      ];
  return [...benchmarkNotices(loaded), ...drops, ...pictures];
}

/** @throws VentralError `image-missing`, `image-corrupt`, `input-mismatch` for a clip with frames of several sizes */
async function decodeAll(loaded: readonly LoadedBenchmark[]): Promise<void> {
  const sets = new Set<StimulusSet>(
    loaded.flatMap(({ shown }) => shown.map(({ stimuli }) => stimuli)),
  );
  for (const stimuli of sets) {
    if (!stimuli.hasImages) continue;
    for (const [row, id] of stimuli.ids.entries()) {
      const like = sameFrameSizes(String(id));
      for (let frame = 0; frame < (stimuli.frames?.(row) ?? 1); frame++)
        like(await decodeImage(await stimuli.read(row, frame), stimuli.filename(row, frame)));
    }
  }
}
