import type { Elements } from '../../onnx/graph-builder.js';

/** How the elements of a tensor are in memory: sizes, and steps from one element to the next along each axis. */

/** Elements of a tensor; not a safe integer where there are too many. */
export const elementCount = (dims: readonly number[]): number =>
  dims.includes(0) ? 0 : dims.reduce((product, dim) => product * dim, 1);

/** Elements from the first to the last, of which strides may leave some out or take some twice. */
export const extentOf = (dims: readonly number[], strides: readonly number[]): number =>
  dims.includes(0) ? 0 : dims.reduce((sum, dim, axis) => sum + (dim - 1) * strides[axis], 1);

/** Strides of elements that lie one after the other. */
export function rowMajorStrides(dims: readonly number[]): number[] {
  const strides: number[] = new Array(dims.length);
  let step = 1;
  for (let axis = dims.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= dims[axis];
  }
  return strides;
}

/** Whether the elements lie one after the other, in order. */
export function isRowMajor(dims: readonly number[], strides: readonly number[]): boolean {
  const expected = rowMajorStrides(dims);
  return strides.every((stride, axis) => dims[axis] === 1 || stride === expected[axis]);
}

/** Elements in row-major order out of those that strides lead through. */
export function gather(
  values: Elements,
  dims: readonly number[],
  strides: readonly number[],
  count: number,
): Elements {
  const result = new (values.constructor as new (length: number) => Elements)(count);
  const index = new Array<number>(dims.length).fill(0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    result[to] = values[from];
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < dims[axis]) break;
      from -= strides[axis] * dims[axis];
      index[axis] = 0;
    }
  }
  return result;
}
