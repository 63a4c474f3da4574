/** Writes MAT-files of level 5, little-endian, sound ones and others, part by part. */

/** A data element: its tag, its data, and padding to eight bytes where it is not compressed. */
export function element(type: number, data: Uint8Array): Buffer {
  const tag = Buffer.alloc(8);
  tag.writeUInt32LE(type, 0);
  tag.writeUInt32LE(data.length, 4);
  const padding = type === 15 ? 0 : (8 - (data.length % 8)) % 8;
  return Buffer.concat([tag, data, Buffer.alloc(padding)]);
}

/** An array of a class: flags, shape, name, and what follows. */
export function array(
  classOf: number,
  name: string,
  shape: readonly number[],
  content: readonly Uint8Array[],
): Buffer {
  const flags = Buffer.alloc(8);
  flags.writeUInt32LE(classOf, 0);
  const head = [
    element(6, flags),
    element(5, Buffer.from(Int32Array.from(shape).buffer)),
    element(1, Buffer.from(name, 'latin1')),
  ];
  return element(14, Buffer.concat([...head, ...content]));
}

/** An array of bytes. */
export const numbers = (name: string, shape: readonly number[], data: Uint8Array): Buffer =>
  array(9, name, shape, [element(2, data)]);

/** An array of doubles, the first dimension fastest. */
export const doubles = (
  name: string,
  shape: readonly number[],
  values: readonly number[],
): Buffer => array(6, name, shape, [element(9, Buffer.from(Float64Array.from(values).buffer))]);

/** A line of text. */
export const text = (name: string, value: string): Buffer =>
  array(4, name, [1, value.length], [element(4, Buffer.from(value, 'utf16le'))]);

/** An array of structs: the values of each, in the order of its fields. */
export function structs(
  name: string,
  shape: readonly number[],
  elements: readonly Readonly<Record<string, Buffer>>[],
): Buffer {
  const fields = Object.keys(elements[0]);
  const names = Buffer.alloc(32 * fields.length);
  fields.forEach((field, i) => void names.write(field, 32 * i, 'latin1'));
  const content = elements.flatMap((each) => fields.map((field) => each[field]));
  return array(2, name, shape, [
    element(5, Buffer.from(Int32Array.of(32).buffer)),
    element(1, names),
    ...content,
  ]);
}

/** A file of elements. */
export function matFile(elements: readonly Uint8Array[], version = 0x0100): Buffer {
  const header = Buffer.alloc(128, ' ');
  header.write('MATLAB 5.0 MAT-file', 0, 'latin1');
  header.writeUInt16LE(version, 124);
  header.write('IM', 126, 'latin1');
  return Buffer.concat([header, ...elements]);
}
