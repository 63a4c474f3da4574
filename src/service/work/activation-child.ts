import { serveParent } from '../child/serve-parent.js';
import type { ActivationBounds, ActivationTask } from './activation-task.js';

serveParent<{ task: ActivationTask; bounds: ActivationBounds }>(async () => {
  const { runActivationTask } = await import('./activation-task.js');
  return async ({ task, bounds }, progress) => {
    await runActivationTask(task, bounds, progress);
    return null;
  };
});
