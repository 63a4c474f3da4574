import { expect, test } from 'vitest';
import { importCheckpoint } from '../../src/importing/import-checkpoint.js';
import { ownFolder } from './checkpoints/made-checkpoints.js';
import { writeWinner } from './checkpoints/made-winner.js';

const folder = ownFolder();

test('a checkpoint under the winner’s own class and DataParallel loads whole, as it is', async () => {
  const checkpoint = `${folder.path}/winner.pth`;
  await writeWinner(checkpoint, 'module.model.efnet_model.');
  const request = { checkpoint, arch: 'efficientnet-b1', output: `${folder.path}/winner.onnx` };
  const { keys, notes, onto, source } = await importCheckpoint(request);
  expect(source).toMatchObject({ format: 'pytorch', path: 'model' });
  expect(onto).toMatchObject({ names: 'timm', variant: 'tensorflow' });
  expect(keys).toMatchObject({ total: 439, loaded: 439, missing: [], unexpected: [] });
  expect(keys?.ignored.map(({ key }) => key)).toEqual([
    'module.model.efnet_model.bn1.num_batches_tracked',
  ]);
  expect(notes[0]).toBe('names are read without their prefix module.model.efnet_model.');
});
