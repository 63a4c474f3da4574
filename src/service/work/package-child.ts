import type { PackageTask } from './package-task.js';
import { serveParent } from '../child/serve-parent.js';

serveParent<PackageTask>(async () => {
  const { runPackageTask } = await import('./package-task.js');
  return runPackageTask;
});
