/**
 * Bytes of the ONNX graphs in which matrix products run, written by hand: numerics is below
 * the room that reads and builds ONNX files. Field numbers: onnx.proto, IR version 8, opset 12.
 */

type Field = readonly [number, number | string | Uint8Array];

const FLOAT = 1;
const DOUBLE = 11;
const INT_ATTRIBUTE = 2;
const INTS_ATTRIBUTE = 7;

/** One protobuf message; a number is a varint, a string or bytes are length-delimited. */
function message(...fields: Field[]): Uint8Array {
  const bytes = fields.flatMap(([field, value]) => {
    if (typeof value === 'number') return [...varint(field * 8), ...varint(value)];
    const content = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    return [...varint(field * 8 + 2), ...varint(content.length), ...content];
  });
  return Uint8Array.from(bytes);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

function attribute(name: string, value: number): Field {
  return [5, message([1, name], [3, value], [20, INT_ATTRIBUTE])];
}

function attributeList(name: string, values: readonly number[]): Field {
  const entries = values.map((entry): Field => [8, entry]);
  return [5, message([1, name], ...entries, [20, INTS_ATTRIBUTE])];
}

function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: readonly Field[] = [],
): Field {
  const names = [
    ...inputs.map((name): Field => [1, name]),
    ...outputs.map((name): Field => [2, name]),
  ];
  return [1, message(...names, [4, operator], ...attributes)];
}

/** A value of two free dimensions. */
function value(field: 11 | 12, name: string, elementType: number): Field {
  const shape = message([1, message([2, `${name}_rows`])], [1, message([2, `${name}_cols`])]);
  const type = message([1, message([1, elementType], [2, shape])]);
  return [field, message([1, name], [2, type])];
}

function model(...graph: Field[]): Uint8Array {
  const opset = message([1, ''], [2, 12]);
  return message([1, 8], [7, message([2, 'product'], ...graph)], [8, opset]);
}

/** C = op(A) op(B) in float64: inputs `A` and `B`, output `C`; op transposes or not. */
export function productGraph(transposeA: boolean, transposeB: boolean): Uint8Array {
  const flags = [attribute('transA', Number(transposeA)), attribute('transB', Number(transposeB))];
  return model(
    node('Gemm', ['A', 'B'], ['C'], flags),
    value(11, 'A', DOUBLE),
    value(11, 'B', DOUBLE),
    value(12, 'C', DOUBLE),
  );
}

/** Places of the tiles of a symmetric matrix on and above the diagonal, row by row. */
export function upperTiles(count: number): [above: number, across: number][] {
  return Array.from({ length: count }, (_, above) =>
    Array.from({ length: count - above }, (_, k): [number, number] => [above, above + k]),
  ).flat();
}

/** The output that holds a tile. */
export const tileName = (above: number, across: number) => `C_${above}_${across}`;

/**
 * The tiles of A Aᵀ on and above the diagonal in float64, the rows of the input `A` in tiles of `heights`;
 * float32 is widened inside the graph, and columns are centred on request.
 */
export function gramTileGraph(
  heights: readonly number[],
  { dtype, centred }: { readonly dtype: 'float32' | 'float64'; readonly centred: boolean },
): Uint8Array {
  const centring = [
    node('ReduceMean', ['A64'], ['mean'], [attributeList('axes', [0])]),
    node('Sub', ['A64', 'mean'], ['X']),
  ];
  const rows = heights.map((_, tile) => `X_${tile}`);
  const tiles = upperTiles(heights.length);
  return model(
    node('Cast', ['A'], ['A64'], [attribute('to', DOUBLE)]),
    ...(centred ? centring : []),
    node('Split', [centred ? 'X' : 'A64'], rows, [
      attribute('axis', 0),
      attributeList('split', heights),
    ]),
    ...tiles.map(([above, across]) =>
      node(
        'Gemm',
        [rows[above], rows[across]],
        [tileName(above, across)],
        [attribute('transB', 1)],
      ),
    ),
    value(11, 'A', dtype === 'float32' ? FLOAT : DOUBLE),
    ...tiles.map(([above, across]) => value(12, tileName(above, across), DOUBLE)),
  );
}

/** C = A Bᵀ in float64 of float32 inputs, which are widened inside the graph. */
export function widenedProductGraph(): Uint8Array {
  return model(
    node('Cast', ['A'], ['A64'], [attribute('to', DOUBLE)]),
    node('Cast', ['B'], ['B64'], [attribute('to', DOUBLE)]),
    node('Gemm', ['A64', 'B64'], ['C'], [attribute('transB', 1)]),
    value(11, 'A', FLOAT),
    value(11, 'B', FLOAT),
    value(12, 'C', DOUBLE),
  );
}
