import type { ModelCard } from '../../activations/card/card.js';
import type { Provider } from '../../runtime/provider.js';
import type { Work } from '../../runtime/work.js';
import type { Recipe } from '../recipe/recipe.js';
import type { TrainingEvent } from '../record/training-event.js';
import type { RobustnessEstimates } from './robustness-estimates.js';
import type { RunData } from './run-data.js';
import type { RunFolder } from './run-folder.js';

/** What a run may use, and who listens. */
export interface RunResources {
  /** Folder of simulated data and of the cache. */
  readonly home: string;
  readonly threads: number;
  /** What runs the steps; the CPU unless said. */
  readonly provider?: Provider;
  readonly maxMemory: number;
  readonly maxScratch: number;
  /** Folder of train stages that several runs have in common, each trained once; none unless said. */
  readonly shared?: string;
  readonly signal: AbortSignal;
  readonly progress?: Work | undefined;
  /** Told each event once it is in the log; the runs of a comparison's other seeds have logs of their own. */
  readonly recorded?: (event: TrainingEvent) => void;
  /** What scores are cached under: see `ContentCache`. */
  readonly cacheScope?: string;
}

/** All that a stage works with. */
export interface RunContext extends RunResources {
  readonly recipe: Recipe;
  readonly folder: RunFolder;
  readonly data: RunData;
  /** Card of the networks that come out. */
  readonly card: ModelCard;
  readonly estimates: RobustnessEstimates;
}
