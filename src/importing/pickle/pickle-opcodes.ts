import type { PickleMachine } from './pickle-machine.js';
import { InertObject, PickleDict, type PickleValue } from './pickle-values.js';

/** Longest integer in bytes; hyperparameters and PyTorch's magic number need ten. */
const longestInteger = 256;

type Opcode = (machine: PickleMachine) => void;

const numbers: Record<string, Opcode> = {
  I: (m) => m.push(integerLine(m)),
  L: (m) => m.push(integerLine(m)),
  F: (m) => m.push(floatLine(m)),
  J: (m) => m.push(m.bytes.int32()),
  K: (m) => m.push(m.bytes.uint8()),
  M: (m) => m.push(m.bytes.uint16()),
  G: (m) => m.push(m.bytes.take(8).readDoubleBE()),
  '\x8a': (m) => m.push(longInteger(m, m.bytes.uint8())),
  '\x8b': (m) => m.push(longInteger(m, m.bytes.uint32())),
  N: (m) => m.push(null),
  '\x88': (m) => m.push(true),
  '\x89': (m) => m.push(false),
};

const texts: Record<string, Opcode> = {
  S: (m) => m.push(quotedLine(m)),
  V: (m) => m.push(unescaped(m.bytes.line())),
  T: (m) => m.push(m.bytes.take(m.bytes.uint32()).toString('latin1')),
  U: (m) => m.push(m.bytes.take(m.bytes.uint8()).toString('latin1')),
  X: (m) => m.push(m.bytes.take(m.bytes.uint32()).toString('utf8')),
  '\x8c': (m) => m.push(m.bytes.take(m.bytes.uint8()).toString('utf8')),
  '\x8d': (m) => m.push(m.bytes.take(m.bytes.uint64()).toString('utf8')),
  B: (m) => m.push(m.bytes.take(m.bytes.uint32())),
  C: (m) => m.push(m.bytes.take(m.bytes.uint8())),
  '\x8e': (m) => m.push(m.bytes.take(m.bytes.uint64())),
  '\x96': (m) => m.push(m.bytes.take(m.bytes.uint64())),
};

const collections: Record<string, Opcode> = {
  '(': (m) => m.mark(),
  '0': (m) => m.drop(),
  '1': (m) => void m.popMark(),
  '2': (m) => m.push(m.top()),
  ')': (m) => m.push([]),
  t: (m) => m.push(m.popMark()),
  '\x85': (m) => m.push(m.popMany(1)),
  '\x86': (m) => m.push(m.popMany(2)),
  '\x87': (m) => m.push(m.popMany(3)),
  ']': (m) => m.push([]),
  l: (m) => m.push(m.popMark()),
  a: (m) => m.append(m.popMany(1)),
  e: (m) => m.append(m.popMark()),
  '}': (m) => m.push(new PickleDict()),
  d: (m) => {
    const values = m.popMark();
    m.push(new PickleDict());
    m.setItems(values);
  },
  s: (m) => m.setItems(m.popMany(2)),
  u: (m) => m.setItems(m.popMark()),
  '\x8f': (m) => m.push(new InertObject('builtins.set')),
  '\x90': (m) => m.append(m.popMark()),
  '\x91': (m) => {
    m.popMark();
    m.push(new InertObject('builtins.frozenset'));
  },
};

const memo: Record<string, Opcode> = {
  p: (m) => m.put(indexLine(m)),
  q: (m) => m.put(m.bytes.uint8()),
  r: (m) => m.put(m.bytes.uint32()),
  '\x94': (m) => m.put(),
  g: (m) => m.get(indexLine(m)),
  h: (m) => m.get(m.bytes.uint8()),
  j: (m) => m.get(m.bytes.uint32()),
};

const names: Record<string, Opcode> = {
  c: (m) => pushGlobalLines(m),
  '\x93': (m) => {
    const name = m.popText();
    m.pushGlobal(m.popText(), name);
  },
  R: (m) => {
    const args = m.pop();
    m.call(m.pop(), args);
  },
  b: (m) => m.setState(),
  i: (m) => {
    const args = m.popMark();
    pushGlobalLines(m);
    m.call(m.pop(), args);
  },
  o: (m) => {
    const [callee = null, ...args] = m.popMark();
    m.call(callee, args);
  },
  '\x81': (m) => {
    const args = m.pop();
    m.call(m.pop(), args);
  },
  '\x92': (m) => {
    const [callee, args, keywords] = m.popMany(3);
    if (!(keywords instanceof PickleDict)) m.refuse('keyword arguments', 'something else');
    m.call(callee, args);
  },
  Q: (m) => m.push(m.names.persistent(m.pop(), m.place)),
  P: (m) => m.push(m.names.persistent(m.bytes.line(), m.place)),
  '\x82': (m) => refuseExtension(m, m.bytes.uint8()),
  '\x83': (m) => refuseExtension(m, m.bytes.uint16()),
  '\x84': (m) => refuseExtension(m, m.bytes.int32()),
};

const framing: Record<string, Opcode> = {
  '\x80': (m) => {
    const protocol = m.bytes.uint8();
    if (protocol > 5) m.refuse('protocol 5 or older', `protocol ${protocol}`);
  },
  '\x95': (m) => {
    const length = m.bytes.uint64();
    if (length > m.bytes.left) m.refuse(`a frame of ${length} bytes`, `${m.bytes.left} bytes`);
  },
  '\x97': (m) => m.refuse('everything inside the pickle', 'an out-of-band buffer'),
  '\x98': (m) => m.refuse('everything inside the pickle', 'an out-of-band buffer'),
};

/** What each opcode does, by its byte; STOP ends the reading. */
export const opcodes: ReadonlyMap<number, Opcode> = new Map(
  [numbers, texts, collections, memo, names, framing].flatMap((table) =>
    Object.entries(table).map(([sign, opcode]) => [sign.charCodeAt(0), opcode] as const),
  ),
);

function integerLine(m: PickleMachine): PickleValue {
  const text = m.bytes.line();
  if (text === '00' || text === '01') return text === '01';
  const digits = /^\s*([+-]?\d+)L?\s*$/.exec(text)?.[1] ?? '';
  if (digits === '' || digits.length > 2 * longestInteger) m.refuse('an integer', 'other text');
  return fitting(BigInt(digits));
}

function indexLine(m: PickleMachine): number {
  const index = integerLine(m);
  return typeof index === 'number' && index >= 0 ? index : m.refuse('an index', String(index));
}

function floatLine(m: PickleMachine): number {
  const text = m.bytes.line().trim();
  if (/^[+-]?(inf|nan)$/i.test(text))
    return /nan/i.test(text) ? NaN : text[0] === '-' ? -Infinity : Infinity;
  const value = text === '' ? NaN : Number(text);
  return Number.isNaN(value) ? m.refuse('a number', `"${text.slice(0, 40)}"`) : value;
}

/** A little-endian integer in two's complement. */
function longInteger(m: PickleMachine, length: number): PickleValue {
  if (length > longestInteger) {
    m.refuse(`an integer of at most ${longestInteger} bytes`, `${length} bytes`);
  }
  const bytes = Buffer.from(m.bytes.take(length)).reverse();
  if (length === 0) return 0;
  return fitting(BigInt.asIntN(8 * length, BigInt(`0x${bytes.toString('hex')}`)));
}

function fitting(integer: bigint): number | bigint {
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

/** A text as Python's `repr` writes it, with its quotes. */
function quotedLine(m: PickleMachine): string {
  const text = m.bytes.line().trim();
  const inside = /^(["'])(.*)\1$/s.exec(text)?.[2];
  return inside === undefined ? m.refuse('a text in quotes', 'other content') : unescaped(inside);
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U00([\da-fA-F]{6})|(.))/gs,
    (_, byte, short, long, sign) => {
      const digits = byte ?? short ?? long;
      if (digits === undefined) return escapes[sign] ?? sign;
      const code = Number.parseInt(digits, 16);
      return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
    },
  );
}

function pushGlobalLines(m: PickleMachine): void {
  const module = m.bytes.line();
  m.pushGlobal(module, m.bytes.line());
}

function refuseExtension(m: PickleMachine, code: number): never {
  return m.refuseUnsafe(`it asks for number ${code} of Python's registry of extensions`);
}
