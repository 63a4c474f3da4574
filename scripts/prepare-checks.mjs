// Compiles the schemas of cards, benchmarks, recipes and ablations, and reads the files of each that ship, into dist/checks.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cardSchema } from '../dist/src/activations/card/card.js';
import { packageRoot } from '../dist/src/formats/package-root.js';
import { prepareChecks } from '../dist/src/formats/yaml/prepare-checks.js';
import { ablationSchema } from '../dist/src/training/ablation/ablation.js';
import { feedSchema } from '../dist/src/training/augment/transforms.js';
import { recipeSchema } from '../dist/src/training/recipe/recipe.js';

const filesIn = (folder, name) =>
  readdirSync(join(packageRoot, folder), { recursive: true })
    .filter((path) => name.test(path))
    .sort()
    .map((path) => join(packageRoot, folder, path));

const benchmarkSchema = JSON.parse(
  readFileSync(join(packageRoot, 'benchmarks', 'benchmark.schema.json'), 'utf8'),
);

await prepareChecks([
  { schema: cardSchema, files: filesIn('models', /\/model\.yaml$/) },
  { schema: benchmarkSchema, files: filesIn('benchmarks', /\.yaml$/) },
  { schema: recipeSchema, files: filesIn('models', /recipe\.yaml$/) },
  { schema: ablationSchema, files: filesIn('models', /\/ablation\.yaml$/) },
  { schema: feedSchema, files: [] },
]);
