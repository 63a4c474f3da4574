import type { Progress } from '../../runtime/work.js';
import type { Pause } from './pause.js';
import type { TaskPaths } from './visible-paths.js';

/** How much a child may use. */
export interface ChildLimits {
  /** Bytes of resident memory at which it is killed. */
  readonly memory: number;
  readonly seconds: number;
  /** The option of `serve` that raises the deadline, if there is one. */
  readonly option?: string;
}

/** A piece of work for a child process. */
export interface ChildWork extends TaskPaths {
  /** Compiled module of `src/service/work` that does it, such as `score-child.js`. */
  readonly script: string;
  /** Sent to it as JSON. */
  readonly task: unknown;
  /** Parent of the child's private empty folder. */
  readonly temporary: string;
  readonly limits: ChildLimits;
  readonly signal?: AbortSignal;
  /** Stops its processes while it is on; such work has the lowest priority throughout, and its time stands still too. */
  readonly pause?: Pause;
  /** Told ten times a second at most. */
  readonly progress?: (progress: Progress) => void;
  /** Called with each partial result; the values are unchecked. */
  readonly part?: (part: object) => void;
}
