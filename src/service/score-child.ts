import type { ScoreTask } from './score-task.js';
import { serveParent } from './serve-parent.js';

serveParent<ScoreTask>(async () => {
  const { runScoreTask } = await import('./score-task.js');
  return runScoreTask;
});
