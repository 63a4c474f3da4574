import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCard } from '../../dist/src/activations/card/card.js';
import { peakRssMiB } from '../../dist/src/runtime/peak-memory.js';
import { parseBenchmark } from '../../dist/src/scoring/registry/benchmark-file.js';
import { parseAblation } from '../../dist/src/training/ablation/ablation.js';
import { parseRecipe } from '../../dist/src/training/recipe/parse-recipe.js';

/** Reads every file of a folder as each kind of YAML that there is, and prints what came of it, a line of JSON each. */

const [folder] = process.argv.slice(2);
const kinds = {
  card: parseCard,
  recipe: parseRecipe,
  ablation: parseAblation,
  benchmark: (text, file) => parseBenchmark(text, { file, folder }),
};
for (const name of readdirSync(folder)) {
  const text = readFileSync(join(folder, name), 'utf8');
  for (const [kind, read] of Object.entries(kinds)) {
    const before = process.cpuUsage();
    let code = 'read';
    let message = '';
    try {
      read(text, 'x.yaml');
    } catch (error) {
      code = error.code ?? error.name;
      message = error.message;
    }
    const { user, system } = process.cpuUsage(before);
    const megabytes = peakRssMiB();
    const polluted = {}.polluted !== undefined;
    const told = {
      name,
      kind,
      code,
      message,
      ms: (user + system) / 1000,
      megabytes,
      polluted,
    };
    process.stdout.write(`${JSON.stringify(told)}\n`);
  }
}
