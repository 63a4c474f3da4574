import { serveParent } from '../child/serve-parent.js';
import type { PackageTask } from './package-task.js';

serveParent<PackageTask>(async () => {
  const { runPackageTask } = await import('./package-task.js');
  return runPackageTask;
});
