import { serveParent } from '../child/serve-parent.js';
import type { ModelTask } from './model-questions.js';

serveParent<ModelTask>(async () => {
  const { answerModelTask } = await import('./model-questions.js');
  return answerModelTask;
});
