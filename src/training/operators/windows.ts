import type { OperatorCall } from './operator.js';

/** How a window moves over the two axes of an image: what Conv and the pools have in common. */
export interface Windows {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Padding before and after each axis. */
  readonly before: readonly [number, number];
  readonly after: readonly [number, number];
}

type Pair = readonly [number, number];

const pair = (numbers: readonly number[] | undefined, otherwise: number): Pair =>
  numbers ? [numbers[0], numbers[1]] : [otherwise, otherwise];

/**
 * Reads strides, dilations and padding of a node.
 * @throws VentralError `training-unsupported`
 */
export function windowsOf(call: OperatorCall, kernel: Pair): Windows {
  const { dims } = call.input(0);
  if (dims.length !== 4) call.refuse(`expected an image of 4 axes, found ${dims.length}`);
  const strides = pair(call.integers('strides'), 1);
  const dilations = pair(call.integers('dilations'), 1);
  const rule = call.text('auto_pad') ?? 'NOTSET';
  if (rule.startsWith('SAME')) {
    const total = ([0, 1] as const).map((axis) => {
      const size = dims[2 + axis];
      const reach = dilations[axis] * (kernel[axis] - 1) + 1;
      return Math.max(0, (Math.ceil(size / strides[axis]) - 1) * strides[axis] + reach - size);
    });
    const less = total.map((width) => Math.floor(width / 2));
    const more = total.map((width, axis) => width - less[axis]);
    const [before, after] = rule === 'SAME_UPPER' ? [less, more] : [more, less];
    return { kernel, strides, dilations, before: pair(before, 0), after: pair(after, 0) };
  }
  const pads = call.integers('pads') ?? [0, 0, 0, 0];
  return { kernel, strides, dilations, before: [pads[0], pads[1]], after: [pads[2], pads[3]] };
}

/** The sizes of what the windows give; `up` counts a last window that sticks out (ceil_mode). */
export function windowCounts(size: Pair, windows: Windows, up = false): Pair {
  const { kernel, strides, dilations, before, after } = windows;
  const count = (axis: 0 | 1) => {
    const room = size[axis] + before[axis] + after[axis] - dilations[axis] * (kernel[axis] - 1) - 1;
    if (!up) return Math.floor(room / strides[axis]) + 1;
    const counted = Math.ceil(room / strides[axis]) + 1;
    // A window that would start in the padding behind the image is left out.
    return (counted - 1) * strides[axis] >= size[axis] + before[axis] ? counted - 1 : counted;
  };
  return [count(0), count(1)];
}

/** Attributes of a node with these windows. */
export const windowAttributes = ({ strides, dilations, before, after }: Windows) => ({
  strides: { ints: strides },
  dilations: { ints: dilations },
  pads: { ints: [...before, ...after] },
});
