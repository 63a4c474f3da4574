/**
 * Element types of ONNX tensors: numbers of TensorProto.DataType (onnx.proto3), their names and
 * the bits that one element takes in `raw_data`.
 */
const types: Record<number, { name: string; bits: number }> = {
  1: { name: 'float32', bits: 32 },
  2: { name: 'uint8', bits: 8 },
  3: { name: 'int8', bits: 8 },
  4: { name: 'uint16', bits: 16 },
  5: { name: 'int16', bits: 16 },
  6: { name: 'int32', bits: 32 },
  7: { name: 'int64', bits: 64 },
  8: { name: 'string', bits: 0 },
  9: { name: 'bool', bits: 8 },
  10: { name: 'float16', bits: 16 },
  11: { name: 'float64', bits: 64 },
  12: { name: 'uint32', bits: 32 },
  13: { name: 'uint64', bits: 64 },
  14: { name: 'complex64', bits: 64 },
  15: { name: 'complex128', bits: 128 },
  16: { name: 'bfloat16', bits: 16 },
  17: { name: 'float8e4m3fn', bits: 8 },
  18: { name: 'float8e4m3fnuz', bits: 8 },
  19: { name: 'float8e5m2', bits: 8 },
  20: { name: 'float8e5m2fnuz', bits: 8 },
  21: { name: 'uint4', bits: 4 },
  22: { name: 'int4', bits: 4 },
  23: { name: 'float4e2m1', bits: 4 },
  24: { name: 'float8e8m0', bits: 8 },
};

/** Name of an element type as ventral writes it (`float32`), or undefined for a number that is none. */
export function elementTypeName(type: number): string | undefined {
  return types[type]?.name;
}

/** Bytes that `count` elements take; 0 for strings, undefined for an unknown type. */
export function elementBytes(type: number, count: number): number | undefined {
  const known = types[type];
  return known === undefined ? undefined : Math.ceil((count * known.bits) / 8);
}

/** Number of TensorProto.DataType of a name, or undefined. */
export function elementTypeNumber(name: string): number | undefined {
  const found = Object.entries(types).find(([, type]) => type.name === name);
  return found === undefined ? undefined : Number(found[0]);
}
