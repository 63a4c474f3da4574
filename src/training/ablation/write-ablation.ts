import { join } from 'node:path';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import type { Ablation } from './ablation.js';
import { ablationCsv } from './ablation-csv.js';
import { ablationMarkdown } from './ablation-markdown.js';
import { ablationPage } from './ablation-page.js';
import type { AblationResult } from './run-ablation.js';

/**
 * Writes `ablation.json`, `.csv`, `.html` and `.md` into the folder of an ablation. All but the line of the Markdown on
 * its run time are the same for the same ablation.
 * @param command that made it, for the Markdown
 */
export async function writeAblation(
  folder: string,
  ablation: Ablation,
  result: AblationResult,
  command: string,
): Promise<void> {
  const { took: _, cells, ...same } = result;
  const plain = cells.map(({ measures, missing, ...cell }) => ({
    ...cell,
    measures: Object.fromEntries(measures),
    ...(missing.size > 0 ? { missing: Object.fromEntries(missing) } : {}),
  }));
  const json = { ...same, cells: plain, measures: ablation.measures };
  const files = {
    'ablation.json': `${JSON.stringify(json, null, 2)}\n`,
    'ablation.csv': ablationCsv(cells),
    'ablation.html': ablationPage(result, ablation),
    'ablation.md': ablationMarkdown(result, command),
  };
  for (const [name, text] of Object.entries(files)) await writeFileAtomic(join(folder, name), text);
}
