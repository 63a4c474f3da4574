import { PreparedStimuli } from '../../activations/stimuli/prepared-stimuli.js';
import { makeScratchFolder } from '../../data/scratch-folder.js';
import type { LayerMapContext } from '../map/layer-map.js';

/** Share of the scratch disk for decoded images. */
const SHARE = 1 / 4;

/** A context in which models with the same preprocessing decode images once, until it is closed. */
export interface SharedStimuli {
  readonly context: LayerMapContext;
  close(): Promise<void>;
}

/** Creates one; its image budget is deducted from the scratch disk of the runs. */
export async function shareStimuli(context: LayerMapContext): Promise<SharedStimuli> {
  const scratch = await makeScratchFolder(context.home);
  const bytes = Math.floor(context.maxScratch * SHARE);
  const pictures = new PreparedStimuli(scratch.path, bytes);
  return {
    context: { ...context, pictures, maxScratch: context.maxScratch - bytes },
    async close() {
      pictures.close();
      await scratch.remove();
    },
  };
}

/** What is done with one model among several. */
export interface ModelContext {
  readonly context: LayerMapContext;
  /** Counts the model as done. */
  end(): void;
}

/** The contexts of several models, in this order: the progress of each says which one it is. */
export function contextsOf(context: LayerMapContext, names: readonly string[]): ModelContext[] {
  const parts = context.progress?.parts(names);
  context.progress?.planned();
  return names.map((_, k) => ({
    context: { ...context, progress: parts?.[k] },
    end: () => parts?.[k].end(),
  }));
}
