/** The benches that `npm run bench` runs with small settings, and the figures that it takes from each. */

/** A figure of the table. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** `times`: how many times less than the peer beside it needs, measured in the same run. */
  readonly unit: 'times' | 's' | 'ms' | 'MiB';
  /** Whether more is better; of a ratio to a peer it is. */
  readonly better: 'more' | 'less';
  /** What was asked for. */
  readonly ask?: number;
}

/** A bench in a process of its own. */
export interface Part {
  readonly script: string;
  readonly words: readonly string[];
  /** Reads what the bench wrote with `--out`. */
  figures(results: never): Figure[];
}

const times = (name: string, value: number, ask?: number): Figure => ({
  ...{ name, value, unit: 'times', better: 'more' },
  ...(ask === undefined ? {} : { ask }),
});
const less = (name: string, value: number, unit: 's' | 'ms' | 'MiB', ask: number): Figure => ({
  ...{ name, value, unit, better: 'less', ask },
});

interface Compared {
  readonly name: string;
  readonly processorRatio: { readonly laterCalls: number };
}

/** By the processor time of both, which other work on the machine disturbs least. */
const compared = (results: readonly Compared[]) =>
  results.map(({ name, processorRatio }) => times(name, processorRatio.laterCalls));

const metric: Part = {
  script: 'reference',
  words: ['--features', '20000', '--rounds', '1'],
  figures: compared,
};

const regressions: Part = {
  script: 'reference',
  words: [
    ...['--regressions', 'ridge,ridgecv,dual-ridge,reverse-pls,rsa'],
    ...['--images', '600', '--units', '4000', '--targets', '300', '--threads', '1,2'],
    ...['--rounds', '1'],
  ],
  figures: compared,
};

const extraction: Part = {
  script: 'map',
  words: ['--only', 'extraction', '--rounds', '2'],
  figures: ({
    extraction: lists,
  }: {
    extraction: readonly { what: string; ratio: { prepared: number; files: number } }[];
  }) =>
    lists.flatMap(({ what, ratio }) => [
      times(`extraction of ${what}, images prepared, to the bare runtime`, ratio.prepared, 0.95),
      times(`extraction of ${what}, from files, to the bare runtime`, ratio.files, 0.95),
    ]),
};

const map: Part = {
  script: 'map',
  words: ['--only', 'map', '--no-original'],
  figures: ({ map: { first } }: { map: { first: { seconds: number; peakMiB: number } } }) => [
    less('map of EfficientNet-B1, 58 layers × 2', first.seconds, 's', 30),
    less('the same, memory', first.peakMiB, 'MiB', 1024),
  ],
};

const training: Part = {
  script: 'train',
  words: ['--only', 'resnet-18,efficientnet-b1@64,small', '--rounds', '2', '--steps', '3'],
  figures: ({
    results,
  }: {
    results: readonly { network: string; side: number; batch: number; ratio?: number }[];
  }) =>
    results.flatMap(({ network, side, batch, ratio }) =>
      ratio === undefined
        ? []
        : times(`training step of ${network} at ${side}, batch ${batch}`, ratio, 1),
    ),
};

const firstScore: Part = {
  script: 'first-score',
  words: ['--rounds', '3'],
  figures: ({ score }: { score: Readonly<Record<string, { readonly least: number }>> }) =>
    Object.entries(score).map(([model, { least }]) =>
      less(`first score of ${model} from the command line`, least, 's', 2),
    ),
};

interface ServiceResults {
  readonly start: { readonly fresh: number; readonly median: number };
  readonly second: { readonly p50: number };
  readonly reads: { readonly p50: number; readonly p99: number };
  readonly residentMiB: { readonly before: number };
}

const service: Part = {
  script: 'service',
  words: ['--seconds', '15'],
  figures: ({ start, second, reads, residentMiB }: ServiceResults) => [
    less('npm start, new home', start.fresh, 'ms', 3000),
    less('npm start again', start.median, 'ms', 3000),
    less('a second score of equal inputs', second.p50, 'ms', 50),
    less('reads beside scoring, 200 a second, p99', reads.p99, 'ms', 50),
    less('memory of the service at rest', residentMiB.before, 'MiB', 250),
  ],
};

interface WebResults {
  readonly milliseconds: Readonly<Record<string, { readonly median: number }>>;
}

const web: Part = {
  script: 'web',
  words: ['--rounds', '4'],
  figures: ({ milliseconds: { interactive, sort, scrollToLast } }: WebResults) => [
    less('leaderboard of 1,000 models: usable', interactive.median, 'ms', 300),
    less('sorted', sort.median, 'ms', 300),
    less('scrolled to the last', scrollToLast.median, 'ms', 500),
  ],
};

export const parts: Readonly<Record<string, Part>> = {
  ...{ metric, regressions, extraction, map, training, firstScore, service, web },
};
