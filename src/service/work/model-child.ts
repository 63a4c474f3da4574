import type { ModelCard } from '../../activations/card/card.js';
import { serveParent } from '../child/serve-parent.js';

/** A question about an ONNX file, for the process that may open it. */
export interface ModelTask {
  /**
   * `check`: is it a network that can be run (a `CheckedModel`)? `layers`: its layers.
   * `shipped`: a shipped model (a `ShippedModel`). `write`: its bytes, to `output`. `draft`: what the file
   * says of a card (`CardHints`).
   */
  readonly kind: 'check' | 'layers' | 'shipped' | 'write' | 'draft';
  /** Path of the file, or name of a shipped model. */
  readonly reference: string;
  /** What messages call it. */
  readonly name: string;
  /** The registered card: it says how large a picture is. */
  readonly card?: ModelCard;
  readonly output?: string;
}

serveParent<ModelTask>(async () => {
  const { answerModelTask } = await import('./model-questions.js');
  return answerModelTask;
});
