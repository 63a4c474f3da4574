/** An archive by hand, of data as they are given, so that its directory can say what no honest writer would. */
export function handMade(
  entries: {
    name: string;
    data: Buffer;
    flags?: number;
    size?: number;
    method?: number;
    crc?: number;
  }[],
): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, flags = 0x800, size = data.length, method = 0, crc = 0 } of entries) {
    const text = Buffer.from(name);
    const fixed = Buffer.alloc(26);
    [20, flags, method, 0, 33].forEach((value, i) => {
      fixed.writeUInt16LE(value, 2 * i);
    });
    fixed.writeUInt32LE(crc, 10);
    fixed.writeUInt32LE(data.length, 14);
    fixed.writeUInt32LE(size, 18);
    fixed.writeUInt16LE(text.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fixed, text, data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(
      Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), fixed, tail, text]),
    );
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, central, Buffer.from('PK\x05\x06'), end]);
}
