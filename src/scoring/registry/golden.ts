import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../formats/package-root.js';
import type { Benchmark } from '../benchmark/benchmark.js';

/** A number that the original project publishes or asserts, with the tolerance that it uses. */
export interface Published {
  readonly value: number;
  readonly tolerance: number;
  /** Repository and file that state it. */
  readonly source: string;
  /** Error published beside it. */
  readonly error?: { readonly value: number; readonly tolerance: number };
  /** Why a difference does not count: the number is shown, and does not decide. */
  readonly advisory?: string;
}

/** A file in which the original project keeps what a model gave. */
export interface PublishedFile {
  readonly name: string;
  readonly holds: 'features' | 'probabilities' | 'choices';
  /** SHA-1, where it is known. */
  readonly sha1?: string;
}

/** A published score of a model. */
export interface PublishedModel extends Published {
  readonly model: string;
  readonly quantity: 'raw' | 'value';
  /** What the model gave; without one the model itself is needed. */
  readonly file?: PublishedFile;
}

/** How much of a stimulus is grey before a model that sees so many degrees. */
export interface PublishedGrey extends Published {
  readonly stimulus: string;
  readonly degrees: number;
}

/** The published numbers of one benchmark (spec §1.9, §3.5, §4.6, Appendix C). */
export interface Golden {
  readonly ceiling?: Published;
  /** Raw value of the recordings predicting themselves. */
  readonly selfRegression?: Published;
  /** Size of the averaged recordings. */
  readonly shape?: { readonly stimuli: number; readonly neuroids: number };
  readonly models?: readonly PublishedModel[];
  readonly grey?: readonly PublishedGrey[];
  /** Why nothing is published that could be compared. */
  readonly none?: string;
}

const files = new Map<string, Readonly<Record<string, Golden>>>();

/** The published numbers of a benchmark, from `golden.json` in its folder; none for a user's own. */
export function goldenOf(benchmark: Benchmark): Golden | undefined {
  if (!benchmark.folder.startsWith(join(packageRoot, 'benchmarks'))) return undefined;
  const all = files.get(benchmark.folder) ?? readGolden(benchmark.folder);
  files.set(benchmark.folder, all);
  return Object.hasOwn(all, benchmark.id) ? all[benchmark.id] : undefined;
}

function readGolden(folder: string): Readonly<Record<string, Golden>> {
  try {
    return JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8'));
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return {};
    throw error;
  }
}

/** The published numbers in words, by what `verify` compares with them; none where nothing is published. */
export function publishedInWords({ ceiling, selfRegression, grey, models = [] }: Golden): string[] {
  const given = models.filter(({ file, model }) => file !== undefined || model === 'pixels');
  const named = (of: readonly PublishedModel[]) => [
    ...new Set(of.map(({ model }) => model.split(/ features|,/)[0])),
  ];
  const others = named(models.filter((model) => !given.includes(model)));
  return [
    ...(ceiling ? ['ceiling'] : []),
    ...(selfRegression ? ['self-regression'] : []),
    ...(grey?.length ? ['grey'] : []),
    ...named(given),
    ...others.map((model) => `${model} (needs its weights)`),
  ];
}
