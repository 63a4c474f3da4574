import type { components } from '../../api/schema.js';
import { didYouMean } from '../../errors/closest-names.js';
import { present } from '../../formats/present.js';
import type { TreeBenchmark } from '../../leaderboard/leaderboard-tree.js';
import type { Benchmark } from '../../scoring/benchmark/benchmark.js';
import { isOutsideTree } from '../../scoring/benchmark/benchmark-data.js';
import { listBenchmarks } from '../../scoring/registry/registry.js';
import type { BenchmarkRecord } from '../../store/records/benchmark-store.js';
import type { WantedBenchmark } from '../../store/records/result-store.js';

/** Where the data of a benchmark come from. An upload whose file says that it is simulated is simulated. */
export type Origin = components['schemas']['Origin'];

/** @param upload whether it is an upload */
export const originOf = (simulated: boolean, upload: boolean): Origin =>
  simulated ? 'simulated' : upload ? 'uploaded' : 'real';

/** A benchmark that a leaderboard can show: its place in the tree, and where its scores are. */
export interface BoardBenchmark extends TreeBenchmark, WantedBenchmark {
  readonly origin: Origin;
  /** The public set of an experiment that has a private one too. */
  readonly publicSet: boolean;
  /** In averages that name it alone: of recordings that are not Brain-Score's, or its file says so. */
  readonly outside: boolean;
}

let shipped:
  | { readonly of: readonly Benchmark[]; readonly on: readonly BoardBenchmark[] }
  | undefined;

/** The benchmarks that ventral ships; every read of a board asks for them. */
export function shippedBenchmarks(): readonly BoardBenchmark[] {
  const of = listBenchmarks();
  if (shipped?.of !== of) shipped = { of, on: of.map(onBoard) };
  return shipped.on;
}

function onBoard(benchmark: Benchmark): BoardBenchmark {
  return {
    id: benchmark.id,
    column: benchmark.id,
    benchmark: benchmark.id,
    source: benchmark.id,
    version: benchmark.version,
    region: benchmark.region ?? null,
    metric: benchmark.metric.name,
    ...present({ parent: benchmark.parent }),
    simulated: benchmark.simulated,
    origin: originOf(benchmark.simulated, false),
    publicSet: /public(?=[.-])/.test(benchmark.id),
    outside: isOutsideTree(benchmark) || benchmark.averages === 'named',
  };
}

/** The benchmarks that a leaderboard can show to a principal. */
export class LeaderboardBenchmarks {
  readonly #shipped: readonly BoardBenchmark[];
  readonly #uploaded: readonly BoardBenchmark[];
  readonly #named = new Map<string, readonly BoardBenchmark[]>();

  /**
   * @param uploads those that the principal may see
   * @param shipped those of another date, if not the present ones
   */
  constructor(
    uploads: readonly Pick<BenchmarkRecord, 'id' | 'summary'>[],
    shipped: readonly BoardBenchmark[] = shippedBenchmarks(),
  ) {
    this.#shipped = shipped;
    for (const benchmark of this.#shipped) this.#named.set(benchmark.id, [benchmark]);
    this.#uploaded = uploads.flatMap(uploaded);
    for (const upload of uploads) {
      const benchmarks = uploaded(upload);
      for (const benchmark of benchmarks) this.#named.set(benchmark.id, [benchmark]);
      this.#named.set(upload.id, benchmarks);
    }
  }

  /**
   * The default benchmarks of averages: the shipped ones, and for an experiment with a private and a public set
   * one of the two. Uploads, recordings that are not
   * Brain-Score's, and files that say `averages: named` enter only averages that name them, so that an average means the same for everybody.
   * Uploads stand beside the averages ({@link uploads}).
   */
  standard(simulated: boolean, set: 'private' | 'public'): BoardBenchmark[] {
    const withPublic = new Set(
      this.#shipped.filter(({ publicSet }) => publicSet).map(({ id }) => privateId(id)),
    );
    const left = (benchmark: BoardBenchmark) =>
      set === 'private' ? benchmark.publicSet : withPublic.has(benchmark.id);
    return this.#shipped.filter(
      (benchmark) => benchmark.simulated === simulated && !benchmark.outside && !left(benchmark),
    );
  }

  /** Uploads as columns beside the averages, oldest first. */
  uploads(simulated: boolean): BoardBenchmark[] {
    return this.#uploaded.filter((benchmark) => benchmark.simulated === simulated);
  }

  /** The benchmarks of a name: one, or all of an upload; empty if unknown. */
  named(name: string): readonly BoardBenchmark[] {
    return this.#named.get(name) ?? [];
  }

  /** What may have been meant. */
  hint(name: string): string {
    return didYouMean(name, this.#named.keys());
  }
}

const privateId = (id: string) => id.replace(/public(?=[.-])/, '');

/** An upload's only benchmark goes by the upload's id, several by that and their region. */
function uploaded({ id, summary }: Pick<BenchmarkRecord, 'id' | 'summary'>): BoardBenchmark[] {
  const { version, metric, simulated, benchmarks } = summary;
  return benchmarks.map((benchmark) => {
    const column = benchmarks.length === 1 ? id : `${id}.${benchmark.region}`;
    return {
      ...{ id: column, column, benchmark: benchmark.id, source: id, version, metric, simulated },
      region: benchmark.region,
      origin: originOf(simulated, true),
      publicSet: false,
      outside: false,
    };
  });
}
