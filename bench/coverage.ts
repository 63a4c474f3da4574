import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { RandomState } from '../src/numerics/random/random-state.js';
import { DRAWS, type Factor } from '../src/scoring/draws/drawn-units.js';
import {
  type Chunk,
  coverage,
  type Drawn,
  type Experiment,
  experimentOf,
  type Streams,
  type Units,
  type Varied,
} from './coverage-counts.js';
import { bringChunks, chunkFile, chunksIn, keepChunks } from './coverage-kept.js';
import { observerExperiment } from './coverage-observers.js';
import { recordingExperiment } from './coverage-recordings.js';

/**
 * How often a 95 % interval holds what it speaks of, in simulated experiments (docs/statistics.md).
 *
 *   node dist/bench/coverage.js [--setting NAME]… [--varied both|first|second]… [--experiments 1000] [--seconds 600] [--draws 1000]
 *
 * Experiments are made in chunks of 25. Each chunk is a file in --chunks (runs/coverage), and is not made again: a run that was
 * ended goes on where it was, from the archive --kept where another computer made them. At its end every run counts all chunks that are there, and writes --json. Fewer --draws of recordings are
 * faster: with 250, intervals are noisier and hold about 0.1 points less. --pilot has other seeds, for choosing a method: give it a
 * folder of chunks and a --json of its own.
 */

type Named = readonly [of: Factor, count: number];

interface Setting {
  /** What the two factors are, and how many of each. */
  readonly units: readonly [Named, Named];
  readonly make: (streams: Streams, draws: number) => Promise<readonly [Drawn, Drawn]>;
  /** What varies; `both` is counted from experiments in which one factor stays for a chunk where it is not here. */
  readonly varied: readonly Varied[];
}

const all = ['both', 'first', 'second', 'refitted'] as const;
const three = ['both', 'first', 'second'] as const;

const recordings = (
  images: number,
  neuroids: number,
  varied: readonly Varied[] = three,
): Setting => ({
  units: [
    ['neuroids', neuroids],
    ['images', images],
  ],
  make: (streams, draws) => recordingExperiment({ images, neuroids, draws }, streams),
  varied,
});

const observers = (images: number, subjects: number): Setting => ({
  units: [
    ['subjects', subjects],
    ['images', images],
  ],
  make: async (streams, draws) => observerExperiment({ images, subjects, draws }, streams),
  varied: three,
});

/** Sizes of what ventral ships. */
const SETTINGS: Readonly<Record<string, Setting>> = {
  /** The smallest recordings: those of docs/examples. */
  example: recordings(60, 16, all),
  'freemanziemba-public': recordings(135, 102, all),
  'freemanziemba-private': recordings(315, 102),
  /** The benchmark of the fewest neuroids. */
  cowley: recordings(640, 50),
  'majaj-it': recordings(2560, 168, ['first', 'second']),
  /** The fewest images, and the fewest people of whom others are spoken of. */
  'geirhos-edge': observers(160, 10),
  'geirhos-stylized': observers(800, 5),
};

const CHUNK = 25;

interface Numbered {
  readonly e: number;
  readonly pilot: boolean;
}

/** What stays is seeded by the chunk, what is new by the experiment; a pilot has seeds of its own. */
function streamsOf(name: string, varied: Varied, { e, pilot }: Numbered): Streams {
  const code = [...name].map((letter) => letter.charCodeAt(0));
  const stream = (held: boolean, purpose: number) =>
    new RandomState([
      held ? Math.floor(e / CHUNK) : e,
      held ? 1 : 2,
      purpose,
      all.indexOf(varied),
      ...(pilot ? [0] : []),
      ...code,
    ]);
  return {
    first: stream(varied === 'second' || varied === 'refitted', 1),
    second: stream(varied === 'first', 2),
    own: stream(false, 3),
    ...(varied === 'second' ? { fits: { second: stream(true, 4), own: stream(true, 5) } } : {}),
  };
}

async function chunkOf(
  name: string,
  varied: Varied,
  { chunk, draws, pilot }: Pick<Numbered, 'pilot'> & Pick<Chunk, 'chunk' | 'draws'>,
): Promise<Chunk> {
  const started = process.cpuUsage();
  const experiments: Experiment[] = [];
  for (let e = chunk * CHUNK; e < (chunk + 1) * CHUNK; e++)
    experiments.push(
      experimentOf(await SETTINGS[name].make(streamsOf(name, varied, { e, pilot }), draws)),
    );
  const { user, system } = process.cpuUsage(started);
  const seconds = (user + system) / 1e6;
  return { setting: name, varied, chunk, seconds, draws, experiments };
}

/** A summary of what was made so far. */
function summary(chunks: readonly Chunk[]) {
  const made = Object.keys(SETTINGS).filter((name) => chunks.some((each) => each.setting === name));
  return made.flatMap((name) => {
    const own = chunks.filter(({ setting }) => setting === name);
    return all.flatMap((varied) => {
      const direct = own.filter((each) => each.varied === varied);
      const used =
        direct.length === 0 && varied === 'both'
          ? own.filter((each) => each.varied === 'first')
          : direct;
      if (used.length === 0) return [];
      const { units } = SETTINGS[name];
      const [one, other] = units.map(([of]) => of);
      const counted = units.map(([of, count]) => ({
        of,
        count,
        strata: 1,
        digest: '',
      })) as unknown as Units;
      const seconds = used.reduce((sum, each) => sum + each.seconds, 0);
      const experiments = used.reduce((sum, each) => sum + each.experiments.length, 0);
      return {
        setting: name,
        units: Object.fromEntries(units.toReversed()),
        new: varied === 'both' ? [other, one] : [varied === 'first' ? one : other],
        ...(varied === 'refitted' ? { fits: 'new' } : {}),
        ...(direct.length === 0 ? { heldInChunks: other } : {}),
        experiments,
        draws: [...new Set(used.map((each) => each.draws ?? DRAWS))],
        processorSecondsPerThousand: Math.round((1000 * seconds) / experiments),
        score: coverage(used, 'score', { units: counted, varied }),
        difference: coverage(used, 'difference', { units: counted, varied }),
      };
    });
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      setting: { type: 'string', multiple: true },
      varied: { type: 'string', multiple: true },
      experiments: { type: 'string', default: '1000' },
      seconds: { type: 'string', default: 'Infinity' },
      draws: { type: 'string', default: String(DRAWS) },
      chunks: { type: 'string', default: 'runs/coverage' },
      json: { type: 'string', default: 'bench/results/coverage.json' },
      kept: { type: 'string', default: 'bench/results/coverage-experiments.json.gz' },
      pilot: { type: 'boolean', default: false },
    },
  });
  mkdirSync(values.chunks, { recursive: true });
  if (!values.pilot) bringChunks(values.kept, values.chunks);
  const until = performance.now() + 1000 * Number(values.seconds);
  for (const name of values.setting ?? Object.keys(SETTINGS))
    for (const varied of SETTINGS[name].varied) {
      if (values.varied && !values.varied.includes(varied)) continue;
      for (let chunk = 0; chunk < Number(values.experiments) / CHUNK; chunk++) {
        const file = chunkFile(values.chunks, { setting: name, varied, chunk });
        if (existsSync(file) || performance.now() > until) continue;
        writeFileSync(
          `${file}.part`,
          JSON.stringify(
            await chunkOf(name, varied, {
              chunk,
              draws: Number(values.draws),
              pilot: values.pilot,
            }),
          ),
        );
        renameSync(`${file}.part`, file);
      }
    }
  const chunks = chunksIn(values.chunks);
  const found = summary(chunks);
  console.table(
    found.map(({ setting, new: fresh, experiments, score, difference }) => ({
      setting,
      new: fresh.join(' and '),
      experiments,
      score: score.covered,
      difference: difference.covered,
    })),
  );
  writeFileSync(values.json, `${JSON.stringify(found, undefined, 2)}\n`);
  if (!values.pilot) keepChunks(values.kept, chunks);
}

await main();
