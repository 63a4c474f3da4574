import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { readMetrics } from '../record/metrics-log.js';
import { trainingPage } from '../record/training-page.js';
import type { RunContext } from './run-context.js';
import { metricsPath } from './run-folder.js';

/** File that holds the recipe with every default, data digests and versions. */
export const RESOLVED = 'resolved.yaml';

/** Writes `report.html` of the run so far. */
export async function writeReport({ folder, recipe }: RunContext): Promise<void> {
  const text = await readFile(join(folder.path, RESOLVED), 'utf8');
  const { digests, versions, ...resolved } = parse(text);
  const page = trainingPage(await readMetrics(metricsPath(folder.path)), {
    name: recipe.name,
    recipe: resolved,
    versions: Object.fromEntries(
      Object.entries(versions).map(([name, value]) => [name, String(value)]),
    ),
    digests: { ...digests, recipe: `sha256:${createHash('sha256').update(text).digest('hex')}` },
  });
  await writeFileAtomic(join(folder.path, 'report.html'), page);
}
