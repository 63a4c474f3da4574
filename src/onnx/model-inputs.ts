import { elementTypeName } from './element-type.js';
import type { ValueInfo } from './graph.js';
import { frameReadings, type InputLayout } from './input-layout.js';
import type { Model } from './model.js';

/** An input or output of a graph as a user sees it. */
export interface ModelValue {
  readonly name: string;
  /** `float32`, `uint8`, …; null if the file does not say. */
  readonly dtype: string | null;
  /** null for a free dimension; undefined if the rank is not known. */
  readonly dims: readonly (number | null)[] | undefined;
}

/** An input that has to be fed. */
export interface ModelInput extends ModelValue {
  /** Images in one run: a fixed number, or null if any number goes. */
  readonly batch: number | null;
  /**
   * The order of its axes, if the shape tells it: of four by an axis of 1 or 3 channels beside wider or free ones, of five where
   * one reading alone has three colours.
   */
  readonly layout: InputLayout | undefined;
}

/** The inputs that have to be fed: those without an initializer of the same name. */
export function modelInputs(model: Model): ModelInput[] {
  const { inputs, initializers, sparseInitializers } = model.graph;
  const given = new Set([...initializers, ...sparseInitializers].map((tensor) => tensor.name));
  return inputs
    .filter((input) => !given.has(input.name))
    .map((input) => {
      const value = modelValue(input);
      return { ...value, batch: value.dims?.[0] ?? null, layout: layoutOf(value.dims) };
    });
}

/** Name, dtype and shape of an input, output or inner value; names of free dimensions are dropped. */
export function modelValue(info: ValueInfo): ModelValue {
  return {
    name: info.name,
    dtype: elementTypeName(info.elementType ?? 0) ?? null,
    dims: info.dims?.map((dim) => (typeof dim === 'number' && dim > 0 ? dim : null)),
  };
}

function layoutOf(dims: readonly (number | null)[] | undefined): InputLayout | undefined {
  if (dims?.length === 5) {
    const readings = frameReadings(dims);
    return readings.length === 1 ? readings[0] : undefined;
  }
  if (dims?.length !== 4) return undefined;
  const channels = (size: number | null) => size === 1 || size === 3;
  if (channels(dims[1])) return 'NCHW';
  return channels(dims[3]) ? 'NHWC' : undefined;
}
