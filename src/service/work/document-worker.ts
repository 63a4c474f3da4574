import { VentralError } from '../../errors/ventral-error.js';
import { withNumbers } from '../../training/record/metrics-log.js';
import { type TrainingSummary, trainingPage } from '../../training/record/training-page.js';
import type { PlainError } from '../child/child-messages.js';
import { plainError } from '../child/serve-parent.js';
import { RequestProblem } from '../http/problem.js';
import type { ProblemPart } from '../http/problem-details.js';
import { readCard } from '../http/read-card.js';
import { readRecipe } from './training-request.js';

/** The thread in which documents of strangers are read, and long ones are written (see `DocumentReader`). */

/** A document as it came over HTTP. */
export type DocumentTask =
  | { readonly kind: 'card'; readonly text: string }
  | { readonly kind: 'recipe'; readonly value: object }
  | {
      readonly kind: 'training-page';
      readonly events: readonly string[];
      readonly run: TrainingSummary;
    };

/** The parsed document, or the reason for the refusal. */
export type DocumentAnswer =
  | { readonly value: unknown }
  | { readonly error: PlainError; readonly parts: readonly ProblemPart[] };

export default function readDocument(task: DocumentTask): DocumentAnswer {
  try {
    return { value: answerOf(task) };
  } catch (thrown) {
    const error = VentralError.from(thrown);
    const parts = error instanceof RequestProblem ? error.parts : [];
    return { error: plainError(error), parts };
  }
}

function answerOf(task: DocumentTask): unknown {
  if (task.kind === 'card') return readCard(task.text);
  if (task.kind === 'recipe') return readRecipe(task.value);
  const events = task.events.map((text) => withNumbers(JSON.parse(text)));
  return trainingPage(events, task.run);
}
