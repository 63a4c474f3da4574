import type { ErrorCode } from '../../errors/codes.js';
import type { ErrorDetails } from '../../errors/ventral-error.js';
import type { Progress } from '../../runtime/work.js';
import type { Recipe } from '../recipe/recipe.js';
import type { RunResources } from './run-context.js';
import type { RunPlaces } from './run-recipe.js';

/** What the thread of a run is given. */
export interface RunWorkerData {
  readonly recipe: Recipe;
  readonly places: RunPlaces;
  readonly resources: Omit<RunResources, 'signal' | 'progress'>;
}

/** What the thread of a run says. */
export type RunAnswer =
  | { readonly progress: Progress }
  | { readonly done: true }
  | {
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly details: ErrorDetails;
        readonly stack?: string;
      };
    };
