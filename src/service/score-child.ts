import type { JobTask } from './job-task.js';
import { serveParent } from './serve-parent.js';

serveParent<JobTask>(async () => {
  const { runScoreTask } = await import('./score-task.js');
  return (task, progress) => {
    if (task.kind === 'layer-map') throw new Error('Layer maps are not made yet');
    return runScoreTask(task, progress);
  };
});
