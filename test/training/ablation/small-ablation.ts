import { stringify } from 'yaml';
import { type Ablation, parseAblation } from '../../../src/training/ablation/ablation.js';

const generated = { generate: 'objects-on-backgrounds', seed: 1, count: 60, side: 16 };
const stage = { name: 'first', epochs: 2, batch: 16, rate: 0.02 };
const threat = { norm: 'Linf', epsilon: '4/255' };

/** An ablation of four techniques that is over in a moment. */
export const smallAblation = (more: object = {}): object => ({
  name: 'small',
  seeds: [1, 2],
  families: [{ name: 'net', model: 'model.yaml' }],
  workers: 0,
  data: { train: generated, test: { ...generated, seed: 2 } },
  plain: [{ train: stage }, { train: { ...stage, name: 'second', epochs: 1 } }],
  arms: [
    {
      name: 'hard',
      title: 'adversarial training',
      table: 'adversarial',
      change: { first: { adversarial: { method: 'fast', ...threat } } },
    },
    {
      name: 'cutmix',
      table: 'behaviour',
      change: { second: { mix: { CutMix: {} } } },
    },
    {
      name: 'mixup',
      title: 'MixUp in place of CutMix',
      table: 'behaviour',
      in_base: false,
      change: { second: { mix: { CutMix: null, MixUp: {} } } },
    },
  ],
  measures: {
    threats: [threat],
    count: 16,
    benchmarks: { behaviour: [], adversarial: [] },
  },
  ...more,
});

export const parsed = (ablation: object): Ablation =>
  parseAblation(stringify(ablation), 'small.yaml');
