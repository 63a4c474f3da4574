import type { GraphNode } from '../../onnx/graph.js';
import { tensorElements } from '../../onnx/tensor-elements.js';

/** Larger tensors are weights, and no shapes, axes or bounds. */
const MOST = 64;

/** Numbers of a small tensor; undefined for a large one or one that is not there. */
export function smallNumbers(
  ...asked: Parameters<typeof tensorElements>
): readonly number[] | undefined {
  const [{ dims }] = asked;
  if (dims.reduce((product, size) => product * size, 1) > MOST) return undefined;
  return Array.from(tensorElements(...asked), Number);
}

/**
 * What a node that computes with shapes gives, as exporters write it for views that keep the batch: Shape,
 * then Gather, Slice, Concat and the like on whole numbers. Undefined if that is not known.
 * @param dims sizes of the first input
 * @param known numbers of each input
 */
export function knownResult(
  node: GraphNode,
  dims: readonly number[] | undefined,
  known: readonly (readonly number[] | undefined)[],
): readonly number[] | undefined {
  if (node.operator === 'Shape') return dims && [...dims];
  const [first, second, third] = known;
  if (first === undefined) return undefined;
  switch (node.operator) {
    case 'Identity':
    case 'Cast':
    case 'Unsqueeze':
    case 'Squeeze':
      return first;
    case 'Gather':
      return second?.map((index) => first[index < 0 ? index + first.length : index]);
    case 'Slice':
      return second && third && first.slice(second[0], third[0]);
    case 'Concat':
      return wholeOf(known)?.flat();
    case 'Mul':
      return second && first.map((number, i) => number * (second[i] ?? second[0]));
    default:
      return undefined;
  }
}

function wholeOf(
  known: readonly (readonly number[] | undefined)[],
): readonly (readonly number[])[] | undefined {
  const parts = known.filter((part) => part !== undefined);
  return parts.length === known.length ? parts : undefined;
}
