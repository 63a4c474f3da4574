// Trains the networks that ship with trained weights again, from their recipes, and puts each in its place. The bits depend
// on the number of threads and on the processor, as sums are taken in other orders.
//
//   npm run rebuild:models
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

for (const name of ['objects-resnet']) {
  const run = join(root, 'runs', name);
  const words = ['train', join(root, 'models', name, 'recipe.yaml'), '-o', run];
  if (existsSync(join(run, 'metrics.jsonl'))) words.push('--resume');
  const main = join(root, 'dist', 'program', 'cli', 'main.js');
  const { status } = spawnSync(process.execPath, [main, ...words], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  copyFileSync(join(run, 'model.onnx'), join(root, 'models', name, 'model.onnx'));
}
