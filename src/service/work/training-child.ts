import { serveParent } from '../child/serve-parent.js';
import type { TrainingTask } from './training-task.js';

serveParent<TrainingTask>(async () => {
  const { runTrainingTask } = await import('./training-task.js');
  return runTrainingTask;
});
