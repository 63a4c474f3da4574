import { axesInOrder, concatenated, padded, reduced, reshaped } from '../keras/operations.js';
import { repeated } from '../keras/windows.js';
import type { Size } from '../source/imported.js';
import type { TfjsNode } from './graph-nodes.js';
import {
  constantAt,
  type OperationTranslation,
  of,
  sizesAt,
  valueAt,
  wholesAt,
} from './graph-operands.js';

/** Operators that move, join or drop elements, or return sizes. */

const reduction =
  (operator: 'ReduceMean' | 'ReduceMax'): OperationTranslation =>
  (operation) => {
    const value = valueAt(operation, 0);
    const rank = value.shape.length + 1;
    const axes = wholesAt(operation, 1).map((axis) => (axis < 0 ? axis + rank : axis));
    if (axes.some((axis) => axis < 1 || axis >= rank) || new Set(axes).size !== axes.length) {
      throw operation.node.refuse('input 1', `axes from 1 to ${rank - 1}`, axes);
    }
    return of(
      reduced(operation.graph, operator, value, axes, operation.node.flag('keep_dims', false)),
    );
  };

/** The first size is the batch's, however it is written; the others must be those of one image. */
const reshape: OperationTranslation = (operation) => {
  const { graph, node } = operation;
  const [, ...target] = sizesAt(operation, 1);
  return of(reshaped(graph, valueAt(operation, 0), fitting(node, target)));
};

function fitting(node: TfjsNode, target: readonly Size[]): number[] {
  if (target.length > 7) throw node.refuse('the shape', 'at most 8 sizes', target);
  return target.map((size) => size ?? -1);
}

const squeeze: OperationTranslation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  const rank = value.shape.length + 1;
  const given = node.wholes('squeeze_dims').map((axis) => (axis < 0 ? axis + rank : axis));
  const goes = (at: number) =>
    given.length === 0 ? value.shape[at] === 1 : given.includes(at + 1);
  if (given.some((axis) => axis < 1 || axis >= rank || value.shape[axis - 1] !== 1)) {
    throw node.refuse('squeeze_dims', 'axes of size 1 behind the batch', given);
  }
  return of(
    reshaped(
      graph,
      value,
      fitting(
        node,
        value.shape.filter((_, at) => !goes(at)),
      ),
    ),
  );
};

const expand: OperationTranslation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  const [given] = wholesAt(operation, 1);
  const axis = given < 0 ? given + value.shape.length + 2 : given;
  if (!(axis >= 1 && axis <= value.shape.length + 1))
    throw node.refuse('input 1', 'an axis behind the batch', given);
  const target = [...value.shape.slice(0, axis - 1), 1, ...value.shape.slice(axis - 1)];
  return of(reshaped(graph, value, fitting(node, target)));
};

const pad: OperationTranslation = (operation) => {
  const { graph, node, operands } = operation;
  const value = valueAt(operation, 0);
  const flat = wholesAt(operation, 1);
  const margins = value.shape.map((_, at): [number, number] => [
    flat[2 * at + 2],
    flat[2 * at + 3],
  ]);
  const fits =
    flat.length === 2 * value.shape.length + 2 && flat.every((size) => size >= 0 && size <= 65_536);
  if (!fits || flat[0] + flat[1] > 0)
    throw node.refuse('input 1', 'margins behind the batch', flat);
  const [filling = 0] = operands.length > 2 ? constantAt(operation, 2).data : [];
  return of(padded(graph, value, margins, filling));
};

const concat: OperationTranslation = (operation) => {
  const last = operation.operands.length - 1;
  const [axis] = wholesAt(operation, last);
  const values = operation.operands.slice(0, last).map((_, at) => valueAt(operation, at));
  return of(concatenated(operation.graph, values, axis));
};

const nearest: OperationTranslation = (operation) => {
  const { graph, node } = operation;
  const value = valueAt(operation, 0);
  const sizes = wholesAt(operation, 1);
  const factors = sizes.map((size, at) => size / (value.shape[at] ?? Number.NaN));
  if (node.flag('align_corners', false) || sizes.length !== 2 || !factors.every(Number.isInteger)) {
    throw node.unsupported('by other than whole factors, which the import does not know');
  }
  return of(repeated(graph, value, factors, false));
};

/** A part of a list of sizes: `sizes[begin:end]`, or one of them. */
const stridedSlice: OperationTranslation = (operation) => {
  const { node, operands } = operation;
  const [list] = operands;
  if (list?.is !== 'sizes') throw node.unsupported('of a value, which the import does not know');
  const [[begin], [end], [stride]] = [1, 2, 3].map((at) => wholesAt(operation, at));
  if (stride !== 1) throw node.unsupported('in steps, which the import does not know');
  const mask = (name: string) => node.number(name, 0) % 2 === 1;
  const from = mask('begin_mask') ? 0 : begin;
  if (mask('shrink_axis_mask')) return { is: 'sizes', sizes: [list.sizes.at(from) ?? null] };
  return { is: 'sizes', sizes: list.sizes.slice(from, mask('end_mask') ? undefined : end) };
};

/** Sizes joined to a shape. */
const pack: OperationTranslation = (operation) => ({
  is: 'sizes',
  sizes: operation.operands.flatMap((_, at) => sizesAt(operation, at)),
});

const shape: OperationTranslation = (operation) => ({
  is: 'sizes',
  sizes: [null, ...valueAt(operation, 0).shape],
});

const transposition: OperationTranslation = (operation) =>
  of(axesInOrder(operation.graph, valueAt(operation, 0), wholesAt(operation, 1)));

export const tfjsShapeOperators: readonly (readonly [op: string, OperationTranslation])[] = [
  ['Mean', reduction('ReduceMean')],
  ['Max', reduction('ReduceMax')],
  ['Reshape', reshape],
  ['Squeeze', squeeze],
  ['ExpandDims', expand],
  ['Pad', pad],
  ['PadV2', pad],
  ['ConcatV2', concat],
  ['Transpose', transposition],
  ['ResizeNearestNeighbor', nearest],
  ['Shape', shape],
  ['StridedSlice', stridedSlice],
  ['Pack', pack],
];
