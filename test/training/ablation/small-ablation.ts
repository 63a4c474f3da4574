import { join } from 'node:path';
import { stringify } from 'yaml';
import { type Ablation, parseAblation } from '../../../src/training/ablation/ablation.js';
import type { Direction } from '../../../src/training/ablation/arms.js';
import { type AblationResult, runAblation } from '../../../src/training/ablation/run-ablation.js';
import { writeAblation } from '../../../src/training/ablation/write-ablation.js';
import type { RunProgress } from '../../../src/training/run/run-context.js';
import { runRecipe } from '../../../src/training/run/run-recipe.js';
import { base, smallStage } from '../small-runs.js';

const generated = { generate: 'objects-on-backgrounds', seed: 1, count: 60, side: 16 };
const threat = { norm: 'Linf', epsilon: '4/255' };

/** An ablation of four techniques that is over in a moment. */
export const smallAblation = (more: object = {}): object => ({
  name: 'small',
  seeds: [1, 2],
  families: [{ name: 'net', model: 'model.yaml' }],
  workers: 0,
  data: { train: generated, test: { ...generated, seed: 2 } },
  plain: [{ train: smallStage() }, { train: smallStage({ name: 'second', epochs: 1 }) }],
  arms: [
    {
      name: 'hard',
      title: 'adversarial training',
      table: 'adversarial',
      change: { first: { adversarial: { method: 'fast', ...threat } } },
    },
    {
      name: 'cutmix',
      table: 'behaviour',
      change: { second: { mix: { CutMix: {} } } },
    },
    {
      name: 'mixup',
      title: 'MixUp in place of CutMix',
      table: 'behaviour',
      in_base: false,
      change: { second: { mix: { CutMix: null, MixUp: {} } } },
    },
  ],
  measures: {
    threats: [threat],
    count: 16,
    benchmarks: { behaviour: [], adversarial: [] },
  },
  ...more,
});

export const parsed = (ablation: object): Ablation =>
  parseAblation(stringify(ablation), 'small.yaml');

/** What a test may say of a run. */
export interface SmallOptions {
  readonly direction?: Direction;
  readonly signal?: AbortSignal;
  readonly progress?: (at: RunProgress) => void;
}

/** Runs an ablation in a folder, in this thread, and writes its files. */
export async function runSmallAblation(
  ablation: Ablation,
  folder: string,
  { direction = 'leave-one-out', signal, progress }: SmallOptions = {},
): Promise<AblationResult> {
  const result = await runAblation(
    ablation,
    { base, folder },
    {
      direction,
      file: 'small.yaml',
      run: runRecipe,
      home: join(folder, 'home'),
      threads: 1,
      maxMemory: 2 ** 31,
      maxScratch: 2 ** 31,
      signal: signal ?? new AbortController().signal,
      ...(progress ? { progress } : {}),
    },
  );
  await writeAblation(folder, ablation, result, 'npx ventral ablate small.yaml');
  return result;
}
