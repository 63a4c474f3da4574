import { serveParent } from '../child/serve-parent.js';
import type { JobTask, ReceiptTask } from './job-task.js';

serveParent<JobTask | ReceiptTask>(async () => async (task, progress, part) => {
  if (task.kind === 'layer-map') {
    const { runMapTask } = await import('./map-task.js');
    return runMapTask(task, progress, part);
  }
  if (task.kind === 'map-part') {
    const { runPartTask } = await import('./map-task.js');
    return runPartTask(task, progress, part);
  }
  const { runReceiptTask, runScoreTask } = await import('./score-task.js');
  if (task.kind === 'receipt') return runReceiptTask(task);
  return runScoreTask(task, progress, part);
});
