import { serveParent } from '../child/serve-parent.js';
import type { StimulusTask } from './stimulus-questions.js';

serveParent<StimulusTask>(async () => {
  const { answerStimulusTask } = await import('./stimulus-questions.js');
  return answerStimulusTask;
});
