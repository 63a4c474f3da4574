import { describe, expect, test } from 'vitest';
import { kindByName, progressInName, runOf } from '../../../src/cli/watch/checkpoint-name.js';

describe('step and epoch in the name of a checkpoint', () => {
  test.each([
    ['checkpoint-1200.pt', { step: 1200 }],
    ['epoch=3-step=1200.ckpt', { step: 1200, epoch: 3 }],
    ['epoch=3-step=1200-v1.ckpt', { step: 1200, epoch: 3 }],
    ['model_0012.safetensors', { step: 12 }],
    ['net_epoch_7.onnx', { epoch: 7 }],
    ['iter_40000.pth', { step: 40000 }],
    ['epoch=3-val_loss=0.25.ckpt', { epoch: 3 }],
    ['checkpoint-1200/model.safetensors', { step: 1200 }],
    ['global_step500/weights.pt', { step: 500 }],
    ['best_acc_0.93.pt', {}],
    ['resnet50.pt', {}],
    ['version_0/checkpoints/last.ckpt', {}],
    ['version_3/last.ckpt', {}],
  ])('%s is %j', (name, progress) => {
    expect(progressInName(name)).toEqual(progress);
  });
});

describe('the run of a checkpoint', () => {
  test.each([
    ['checkpoint-1200.pt', 'runs'],
    ['first/checkpoint-1200.pt', 'first'],
    ['checkpoint-1200/model.safetensors', 'runs'],
    ['logs/version_0/checkpoints/epoch=3-step=1200.ckpt', 'logs/version_0'],
    ['checkpoints/last.ckpt', 'runs'],
  ])('%s is %s', (name, run) => {
    expect(runOf(name, 'runs')).toBe(run);
  });
});

test('what trainers keep beside the weights is no checkpoint', () => {
  const names = [
    ...['optimizer.pt', 'scheduler.pt', 'rng_state_0.pth', 'training_args.bin', 'scaler.pt'],
    ...['.hidden.pt', 'trainer_state.json', 'events.out.tfevents.1', 'optimizer.bin'],
    'epoch_3_optim.pt',
  ];
  expect(names.filter((name) => kindByName(name) !== undefined)).toEqual([]);
  for (const name of ['a.pt', 'a.PTH', 'x/last.ckpt', 'model.safetensors', 'pytorch_model.bin'])
    expect(kindByName(name), name).toBe('weights');
  expect(kindByName('net.onnx')).toBe('network');
});
