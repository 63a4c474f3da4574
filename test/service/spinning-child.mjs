// A child process that never comes to its task: it is still loading its work.
import { serveParent } from '../../dist/src/service/child/serve-parent.js';

serveParent(async () => {
  for (;;);
});
