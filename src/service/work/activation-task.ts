import type { ModelCard } from '../../activations/card/card.js';
import type { Execution } from '../../runtime/provider.js';
import { type Progress, Work } from '../../runtime/work.js';
import { exportActivations } from '../../scoring/features/export-activations.js';
import { type InputRequest, networkInputs } from '../../scoring/features/network-inputs.js';

/** Activations as the process that makes them is asked for them. */
export interface ActivationTask {
  /** Path of the ONNX file, or the name of a shipped model; none where `inputs` are asked for. */
  readonly reference?: string;
  readonly card: ModelCard;
  readonly layers?: readonly string[];
  /** In place of activations what the network gets: a range of the stimuli of the benchmark. */
  readonly inputs?: Pick<InputRequest, 'from' | 'count' | 'input'>;
  readonly benchmark?: string;
  /** A set of the catalog, at `degrees`. */
  readonly stimuli?: string;
  readonly degrees?: number;
  /** What runs the network, where that is not the CPU. */
  readonly provider?: Execution['provider'];
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
  { reference, card, inputs, layers = [], provider, ...request }: ActivationTask,
  bounds: ActivationBounds,
  progress: (progress: Progress) => void,
): Promise<void> {
  const context = {
    ...{ ...bounds, progress: Work.start(progress) },
    ...(provider ? { provider: { provider } } : {}),
  };
  const { benchmark = '', output } = request;
  if (inputs) return networkInputs({ ...inputs, benchmark, card, output }, context);
  const model = { path: reference ?? '', card };
  await exportActivations({ ...request, layers, model }, context);
}
