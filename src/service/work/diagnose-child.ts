import { serveParent } from '../child/serve-parent.js';
import type { TrialTask } from './try-runtime.js';

serveParent<TrialTask>(async () => {
  const { tryRuntime } = await import('./try-runtime.js');
  return tryRuntime;
});
