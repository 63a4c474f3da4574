import { elementTypeName } from './element-type.js';
import type { Model } from './model.js';

/** Types of shapes, indices and scales of quantised weights, which no network has for weights. */
const OTHER = /^(?:int64|int32|uint64|uint32|bool|string)$/;

/** The element type that most of a graph's weights have (`float16`, `int8`), undefined for a graph without weights. */
export function weightType({ graph }: Pick<Model, 'graph'>): string | undefined {
  const elements = new Map<string, number>();
  for (const { elementType, dims } of graph.initializers) {
    const name = elementTypeName(elementType);
    if (name === undefined || OTHER.test(name)) continue;
    const count = dims.reduce((product, dim) => product * dim, 1);
    elements.set(name, (elements.get(name) ?? 0) + count);
  }
  return [...elements].sort(([, a], [, b]) => b - a)[0]?.[0];
}

/** How exporters end the names of files that hold one network in several precisions. */
const PRECISION =
  /[._-](fp32|float32|fp16|float16|half|bf16|bfloat16|q?u?int8(?:_\w+)?|u?int4|q4f16|q4|q8|bnb4|quantized|quantised|O[1-4])$/i;

/**
 * The name of an ONNX file without ending, and the precision that it says: `model` and `fp16` of `model_fp16.onnx`, no
 * precision for `model.onnx` and `model_fp32.onnx`.
 */
export function precisionInName(file: string): {
  readonly stem: string;
  readonly precision?: string;
} {
  const base = file.replace(/\.onnx$/i, '');
  const found = PRECISION.exec(base);
  if (!found) return { stem: base };
  const stem = base.slice(0, found.index);
  return /32$/.test(found[1]) ? { stem } : { stem, precision: found[1].toLowerCase() };
}
