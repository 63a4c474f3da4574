import type { TrainingEvent } from '../../src/training/record/training-event.js';

/** A short run with an event of each kind. */
export const trainingEvents: readonly TrainingEvent[] = [
  { kind: 'step', stage: 'adversarial', epoch: 0, step: 0, loss: 2.3, rate: 0.01, epsilon: 0.0157 },
  { kind: 'step', stage: 'adversarial', epoch: 0, step: 1, loss: 2.1, rate: 0.02, epsilon: 0.0314 },
  {
    kind: 'epoch',
    stage: 'adversarial',
    epoch: 0,
    loss: 2.2,
    accuracy: 0.21,
    validation: { loss: 2.0, accuracy: 0.3, robustAccuracy: 0.25 },
    checkpoint: 'checkpoints/adversarial-0.onnx',
  },
  { kind: 'step', stage: 'behaviour', epoch: 0, step: 0, loss: 1.9, rate: 0.005 },
  {
    kind: 'epoch',
    stage: 'behaviour',
    epoch: 0,
    loss: 1.9,
    validation: { loss: 1.5, accuracy: 0.5 },
    checkpoint: 'checkpoints/behaviour-0.onnx',
  },
  {
    kind: 'average',
    stage: 'soup',
    of: ['checkpoints/behaviour-0.onnx'],
    checkpoint: 'checkpoints/soup.onnx',
  },
  ...(['untrained', 'soup'] as const).flatMap((checkpoint) =>
    [0, 4, 8].map(
      (radius) =>
        ({
          kind: 'robustness',
          checkpoint,
          attack: radius === 0 ? 'clean' : 'worst',
          norm: 'Linf',
          epsilon: radius / 255,
          correct: checkpoint === 'soup' ? 50 - 5 * radius : 10,
          count: 100,
          interval: [0.05, 0.6],
        }) as const,
    ),
  ),
  {
    kind: 'score',
    checkpoint: 'pixels',
    benchmark: 'Simulated.V1-pls',
    simulated: true,
    value: 0.123,
    ci: [0.11, 0.13],
  },
  {
    kind: 'score',
    checkpoint: 'untrained',
    benchmark: 'Simulated.V1-pls',
    simulated: true,
    value: 0.2,
  },
  {
    kind: 'score',
    checkpoint: 'soup',
    benchmark: 'Simulated.V1-pls',
    simulated: true,
    value: 0.31,
    ci: [0.29, 0.33],
  },
  {
    kind: 'score',
    checkpoint: 'soup',
    benchmark: 'FreemanZiemba2013public.V1-pls',
    simulated: false,
    value: null,
    reason: 'the data are not here',
  },
];
