import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { damagedFiles } from '../../src/training/run/training-state.js';
import { flip } from '../service/flip.js';
import { runSmall, smallRecipe, smallStage } from './small-runs.js';

let root: string;
const recipe = smallRecipe([{ train: smallStage({ epochs: 3 }) }]);
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-damaged-run-'));
  const controller = new AbortController();
  let heard = 0;
  const progress = () => {
    if (++heard === 5) controller.abort(new VentralError('interrupted', 'Interrupted'));
  };
  const run = runSmall(recipe, join(root, 'run'), { signal: controller.signal, progress });
  await expect(run).rejects.toMatchObject({ code: 'interrupted' });
});
afterAll(() => rmSync(root, { recursive: true }));

it.each(['state.json', /^state-.*\.npz$/, 'metrics.jsonl', /^checkpoints.*\.onnx$/])(
  'a run whose %s is damaged does not go on',
  async (file) => {
    const folder = join(root, 'damaged');
    cpSync(join(root, 'run'), folder, { recursive: true });
    expect(await damagedFiles(folder)).toMatchObject({ files: [] });
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const name = names.find((each) => (typeof file === 'string' ? each === file : file.test(each)));
    const path = join(folder, String(name));
    // The beginning of the log belongs to the state, its end may be what is done again.
    await flip(path, 0.3);
    await expect(runSmall(recipe, folder)).rejects.toMatchObject({
      code: 'checkpoint-invalid',
      details: { file: path },
    });
    rmSync(folder, { recursive: true });
  },
);
