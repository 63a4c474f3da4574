import type { FusedActivation } from './operator-options.js';
import type { TfliteTensor } from './tflite-file.js';

/** Least and largest number. */
export type Range = readonly [least: number, most: number];

const integers = { uint8: [0, 255], int8: [-128, 127], int16: [-32_768, 32_767] } as const;

/** How a tensor of a quantised network counts: step, zero point and the integers that it has. */
export interface Steps {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly integers: Range;
}

/** The steps of a value that is held in integers; undefined for one in floating point. */
export function stepsOf({ type, quantization }: TfliteTensor): Steps | undefined {
  const bounds = integers[type as keyof typeof integers];
  if (bounds === undefined || quantization === undefined) return undefined;
  const { scales, zeroPoints } = quantization;
  return { scale: scales[0], zeroPoint: zeroPoints[0], integers: bounds };
}

/** The numbers that a quantised value can have: beyond them it saturates. */
export function rangeOf(tensor: TfliteTensor): Range | undefined {
  const steps = stepsOf(tensor);
  if (steps === undefined) return undefined;
  const { scale, zeroPoint, integers: bounds } = steps;
  return [scale * (bounds[0] - zeroPoint), scale * (bounds[1] - zeroPoint)];
}

const activationRanges: Readonly<Record<FusedActivation, Range>> = {
  none: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  tanh: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  relu: [0, Number.POSITIVE_INFINITY],
  relu6: [0, 6],
  relu_n1_to_1: [-1, 1],
};

/** Where an activation and the steps of its result hold a value. */
export function heldRange(activation: FusedActivation, steps?: Range): Range {
  const [least, most] = activationRanges[activation];
  return steps === undefined
    ? [least, most]
    : [Math.max(least, steps[0]), Math.min(most, steps[1])];
}
