import type { ModelCard } from '../../activations/card/card.js';
import { present } from '../../formats/present.js';
import type { LayerRequest } from '../../scoring/model/layer-choice.js';
import { type ExpectedScore, expectedScores } from '../../scoring/receipt/expected-scores.js';
import type { PlainError } from '../child/child-messages.js';
import { plainError } from '../child/serve-parent.js';

/** A run of a receipt whose inputs are looked at. */
export interface ReceiptTask {
  readonly home: string;
  /** Path of the ONNX file, or the name of a shipped model. */
  readonly model: string;
  readonly card: ModelCard;
  /** Identifiers, and files of uploaded ones. */
  readonly benchmarks: readonly string[];
  readonly layers?: LayerRequest;
  readonly input?: Readonly<Record<string, number>>;
}

/** What a score of the run says beside its numbers, or why that is not known here. */
export type ReceiptAnswer =
  | ExpectedScore
  | { readonly benchmark: string; readonly error: PlainError };

/** In a process that may open the files. */
export async function answerReceiptTask(task: ReceiptTask): Promise<readonly ReceiptAnswer[]> {
  const { home, model, card, benchmarks, layers, input } = task;
  const request = { model: { path: model, card }, benchmarks, ...present({ layers, input }) };
  const found = await expectedScores(request, { home });
  return found.map((each) => ('error' in each ? { ...each, error: plainError(each.error) } : each));
}
