import { serveParent } from './serve-parent.js';

serveParent<null>(async () => {
  const { tryRuntime } = await import('./try-runtime.js');
  return tryRuntime;
});
