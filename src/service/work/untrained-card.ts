import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../formats/package-root.js';

/** Path of the card that `NAME/untrained` stands for, the untrained network beside a shipped one; undefined for any other name. */
export function untrainedCard(name: string): string | undefined {
  const folder = /^([a-z0-9-]+)\/untrained$/.exec(name)?.[1];
  const path = folder && join(packageRoot, 'models', folder, 'untrained.yaml');
  return path && existsSync(path) ? path : undefined;
}
