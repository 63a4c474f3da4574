import type { ModelCard } from '../../activations/card/card.js';
import { type Progress, Work } from '../../runtime/work.js';
import { exportActivations } from '../../scoring/features/export-activations.js';

/** Activations as the process that makes them is asked for them. */
export interface ActivationTask {
  /** Path of the ONNX file, or the name of a shipped model. */
  readonly reference: string;
  readonly card: ModelCard;
  readonly layers: readonly string[];
  readonly benchmark?: string;
  /** A set of the catalog, at `degrees`. */
  readonly stimuli?: string;
  readonly degrees?: number;
  /** Path to write, `.npz` or `.nc`, in a private folder. */
  readonly output: string;
}

/** Limits of the process. */
export interface ActivationBounds {
  readonly home: string;
  readonly threads: number;
  readonly maxMemory: number;
  readonly maxScratch: number;
}

/** Makes activations in this process. */
export async function runActivationTask(
  { reference, card, ...request }: ActivationTask,
  bounds: ActivationBounds,
  progress: (progress: Progress) => void,
): Promise<void> {
  await exportActivations(
    { ...request, model: { path: reference, card } },
    { ...bounds, progress: Work.start(progress) },
  );
}
