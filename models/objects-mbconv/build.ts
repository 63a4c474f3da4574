import { efficientNet, type Stage } from '../efficientnet-b1/build.js';

/** Inverted residuals of expansion 4, for images of some 64 pixels. */
const STAGES: readonly Stage[] = [
  [1, 3, 1, 1, 16],
  [2, 3, 2, 4, 24],
  [2, 5, 2, 4, 48],
  [2, 3, 1, 4, 80],
];

/**
 * The second family of the ablation: mobile blocks as in EfficientNet (depthwise convolutions, squeeze and
 * excitation, SiLU), small enough for an evening on two cores; N × 3 × any height × any width to `logits`
 * N × 10, 170,586 parameters. Weights are random.
 */
export function build(): Uint8Array {
  const shape = { stem: 16, head: 192, stages: STAGES, classes: 10 };
  return efficientNet({ name: 'objects-mbconv', variant: 'pytorch', ...shape });
}
