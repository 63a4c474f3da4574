import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';

/** Where Vite builds the browser application. */
export const builtFolder = join(packageRoot, 'dist', 'web');

/**
 * A document of the built browser application, with the names of its scripts and styles.
 * @throws VentralError `internal` where it is not built
 */
export function builtPage(name: string): string {
  const path = join(builtFolder, name);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const sentence = `The browser application is not built: ${path} (npm run build)`;
    throw new VentralError('internal', sentence, { cause: error });
  }
}
