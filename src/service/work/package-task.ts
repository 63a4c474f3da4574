import type { PackageRequest } from '../../submission/build-package.js';
import { checkPackage, type PackageCheck } from '../../submission/check-package.js';
import { writePackageArchive } from '../../submission/write-package.js';

/** Work on packages, for the process that may open models and archives. */
export type PackageTask =
  | { readonly kind: 'build'; readonly request: PackageRequest; readonly output: string }
  | { readonly kind: 'check'; readonly archive: string };

/** Result: the identifier of a written package, or the findings of a check. */
export async function runPackageTask(
  task: PackageTask,
): Promise<{ readonly identifier: string } | PackageCheck> {
  if (task.kind === 'check') return checkPackage(task.archive);
  const { identifier } = await writePackageArchive(task.output, task.request);
  return { identifier };
}
