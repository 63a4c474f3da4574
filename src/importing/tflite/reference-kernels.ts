import type { TfliteWindow } from './operator-options.js';

/**
 * TensorFlow Lite's operators on one image in float64, written from their definitions
 * (tensorflow/lite/kernels/internal/reference) and from nothing that the ONNX graph is made of.
 */

/** A value of one image: its shape without the batch, row-major, channels last. */
export interface Plane {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Where a window lies on an axis: outputs, and elements before the image. */
interface Axis {
  readonly out: number;
  readonly before: number;
}

function along(size: number, kernel: number, window: TfliteWindow, axis: 0 | 1): Axis {
  const stride = window.strides[axis];
  const reach = (kernel - 1) * window.dilations[axis] + 1;
  if (window.padding === 'valid')
    return { out: Math.floor((size - reach) / stride) + 1, before: 0 };
  const out = Math.ceil(size / stride);
  return { out, before: Math.floor(Math.max((out - 1) * stride + reach - size, 0) / 2) };
}

/** Calls `visit` with the place in the kernel and in the image of each element that a window covers. */
function eachCovered(
  { shape: [height, width] }: Plane,
  kernel: readonly [number, number],
  window: TfliteWindow,
  [y, x]: readonly [number, number],
  visit: (inKernel: number, pixel: number) => void,
): void {
  const [top, left] = [along(height, kernel[0], window, 0), along(width, kernel[1], window, 1)];
  for (let ky = 0; ky < kernel[0]; ky++) {
    const row = y * window.strides[0] - top.before + ky * window.dilations[0];
    if (row < 0 || row >= height) continue;
    for (let kx = 0; kx < kernel[1]; kx++) {
      const column = x * window.strides[1] - left.before + kx * window.dilations[1];
      if (column >= 0 && column < width) visit(ky * kernel[1] + kx, row * width + column);
    }
  }
}

/** Fills an image place by place. */
function eachPlace(
  image: Plane,
  kernel: readonly [number, number],
  window: TfliteWindow,
  channels: number,
  fill: (place: readonly [number, number], at: number, data: Float64Array) => void,
): Plane {
  const [height, width] = image.shape;
  const rows = along(height, kernel[0], window, 0).out;
  const columns = along(width, kernel[1], window, 1).out;
  const data = new Float64Array(rows * columns * channels);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) fill([y, x], (y * columns + x) * channels, data);
  }
  return { shape: [rows, columns, channels], data };
}

/** CONV_2D: filters [out, height, width, in], in groups where they take fewer channels than there are. */
export function conv(
  image: Plane,
  filters: Plane,
  bias: Float64Array | undefined,
  window: TfliteWindow,
): Plane {
  const [to, height, width, from] = filters.shape;
  const channels = image.shape[2];
  const perGroup = to / (channels / from);
  return eachPlace(image, [height, width], window, to, (place, at, data) => {
    for (let o = 0; o < to; o++) data[at + o] = bias?.[o] ?? 0;
    eachCovered(image, [height, width], window, place, (inKernel, pixel) => {
      for (let o = 0; o < to; o++) {
        const filter = (o * height * width + inKernel) * from;
        const start = pixel * channels + Math.floor(o / perGroup) * from;
        let sum = 0;
        for (let c = 0; c < from; c++) sum += filters.data[filter + c] * image.data[start + c];
        data[at + o] += sum;
      }
    });
  });
}

/** DEPTHWISE_CONV_2D: filters [1, height, width, out], output channel o of input channel ⌊o / multiplier⌋. */
export function depthwiseConv(
  image: Plane,
  filters: Plane,
  bias: Float64Array | undefined,
  window: TfliteWindow,
): Plane {
  const [, height, width, to] = filters.shape;
  const channels = image.shape[2];
  const multiplier = to / channels;
  return eachPlace(image, [height, width], window, to, (place, at, data) => {
    for (let o = 0; o < to; o++) data[at + o] = bias?.[o] ?? 0;
    eachCovered(image, [height, width], window, place, (inKernel, pixel) => {
      for (let o = 0; o < to; o++) {
        const value = image.data[pixel * channels + Math.floor(o / multiplier)];
        data[at + o] += filters.data[inKernel * to + o] * value;
      }
    });
  });
}

/** AVERAGE_POOL_2D and MAX_POOL_2D: only elements of the image count. */
export function pool(
  image: Plane,
  window: TfliteWindow & { readonly size: readonly [number, number] },
  kind: 'mean' | 'max',
): Plane {
  const channels = image.shape[2];
  return eachPlace(image, window.size, window, channels, (place, at, data) => {
    let count = 0;
    if (kind === 'max') data.fill(Number.NEGATIVE_INFINITY, at, at + channels);
    eachCovered(image, window.size, window, place, (_, pixel) => {
      count++;
      for (let c = 0; c < channels; c++) {
        const value = image.data[pixel * channels + c];
        data[at + c] = kind === 'max' ? Math.max(data[at + c], value) : data[at + c] + value;
      }
    });
    if (kind === 'mean') for (let c = 0; c < channels; c++) data[at + c] /= count;
  });
}

/** FULLY_CONNECTED: weights [out, in] times each run of `in` elements. */
export function fullyConnected(
  value: Plane,
  weights: Plane,
  bias: Float64Array | undefined,
  shape: readonly number[],
): Plane {
  const [to, from] = weights.shape;
  const rows = value.data.length / from;
  const data = new Float64Array(rows * to);
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < to; o++) {
      let sum = bias?.[o] ?? 0;
      for (let c = 0; c < from; c++) sum += weights.data[o * from + c] * value.data[row * from + c];
      data[row * to + o] = sum;
    }
  }
  return { shape, data };
}

/** Where element `index` of `shape` is in a value of the same rank, whose axes of size 1 repeat. */
function placeIn(value: Plane, shape: readonly number[], index: number): number {
  let [rest, at, stride] = [index, 0, 1];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const coordinate = rest % shape[axis];
    rest = Math.floor(rest / shape[axis]);
    if (value.shape[axis] > 1) at += coordinate * stride;
    stride *= value.shape[axis];
  }
  return at;
}

/** A function of two values, element by element; sizes of 1 are repeated. */
export function pairwise(
  a: Plane,
  b: Plane,
  shape: readonly number[],
  compute: (x: number, y: number) => number,
): Plane {
  const full = (value: Plane): Plane => {
    const dims = [...value.shape];
    // A constant may have an axis for the batch.
    while (dims.length > shape.length && dims[0] === 1) dims.shift();
    while (dims.length < shape.length) dims.unshift(1);
    return { shape: dims, data: value.data };
  };
  const [x, y] = [full(a), full(b)];
  const count = shape.reduce((product, size) => product * size, 1);
  const data = Float64Array.from({ length: count }, (_, i) =>
    compute(x.data[placeIn(x, shape, i)], y.data[placeIn(y, shape, i)]),
  );
  return { shape, data };
}

/** MEAN over axes, the batch being 0. */
export function mean(value: Plane, axes: readonly number[], shape: readonly number[]): Plane {
  const kept = value.shape.map((size, axis) => (axes.includes(axis + 1) ? 1 : size));
  const count = kept.reduce((product, size) => product * size, 1);
  const data = new Float64Array(count);
  const target = { shape: kept, data };
  for (let i = 0; i < value.data.length; i++)
    data[placeIn(target, value.shape, i)] += value.data[i];
  const over = value.data.length / count;
  for (let i = 0; i < count; i++) data[i] /= over;
  return { shape, data };
}

/** PAD: `before` elements of `filling` in front of each axis. */
export function pad(
  value: Plane,
  before: readonly number[],
  shape: readonly number[],
  filling: number,
): Plane {
  const data = new Float64Array(shape.reduce((product, size) => product * size, 1)).fill(filling);
  for (let i = 0; i < value.data.length; i++) {
    let [rest, at, stride] = [i, 0, 1];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += ((rest % value.shape[axis]) + before[axis]) * stride;
      rest = Math.floor(rest / value.shape[axis]);
      stride *= shape[axis];
    }
    data[at] = value.data[i];
  }
  return { shape, data };
}

/** CONCATENATION along an axis, the batch being 0. */
export function concatenate(
  values: readonly Plane[],
  axis: number,
  shape: readonly number[],
): Plane {
  const inner = (plane: Plane) => plane.shape.slice(axis - 1).reduce((a, b) => a * b, 1);
  const data = new Float64Array(shape.reduce((product, size) => product * size, 1));
  const outer = data.length / values.reduce((sum, plane) => sum + inner(plane), 0);
  let at = 0;
  for (let row = 0; row < outer; row++) {
    for (const plane of values) {
      const length = inner(plane);
      data.set(plane.data.subarray(row * length, (row + 1) * length), at);
      at += length;
    }
  }
  return { shape, data };
}

/** SOFTMAX over the last axis. */
export function softmaxOf({ shape, data }: Plane): Plane {
  const last = shape[shape.length - 1];
  const result = new Float64Array(data.length);
  for (let row = 0; row < data.length; row += last) {
    const most = data.subarray(row, row + last).reduce((a, b) => Math.max(a, b));
    let sum = 0;
    for (let i = row; i < row + last; i++) {
      result[i] = Math.exp(data[i] - most);
      sum += result[i];
    }
    for (let i = row; i < row + last; i++) result[i] /= sum;
  }
  return { shape, data: result };
}
