import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bytesRecord,
  concatenate,
  integerRecord,
  records,
  varintBytes,
  type WireRecord,
} from '../../src/onnx/wire.js';
import { smallNetwork } from '../onnx/small-models.js';
import { ORACLE } from '../oracle.js';
import { damaged, hostileWord } from './damage.js';
import type { Dice } from './dice.js';

/** Real networks, damaged as bytes or as the messages that they are. */

const files = [
  '09-end-to-end/resnet/model',
  '09-end-to-end/resnet/folded',
  '09-end-to-end/mbconv/model',
  '09-end-to-end/mbconv/folded',
  '11-layer-names/odd/unfolded',
  '11-layer-names/odd/newer',
  '11-layer-names/odd/folded',
  '11-layer-names/resnet/newer',
  '11-layer-names/mbconv/newer',
];

const seeds: readonly Uint8Array[] = [
  ...files.map((name) => new Uint8Array(readFileSync(join(ORACLE, `${name}.onnx`)))),
  smallNetwork().build(),
];

/** Bytes of an ONNX file that is wrong somewhere, or by chance still right. */
export function onnxCase(dice: Dice): Uint8Array {
  const seed = dice.pick(seeds);
  if (dice.chance(0.3)) return damaged(seed, dice, dice.pick(seeds));
  let bytes = seed;
  for (let count = dice.between(1, 3); count > 0; count--) bytes = damagedMessage(bytes, dice, 0);
  return dice.chance(0.1) ? damaged(bytes, dice, seed) : bytes;
}

const MOST_DEPTH = 7;

/** Descends into a record chosen by chance, and damages one there. */
function damagedMessage(bytes: Uint8Array, dice: Dice, depth: number): Uint8Array {
  const found = recordsOf(bytes);
  if (!found) return damaged(bytes, dice);
  if (found.length === 0) return dice.bytes(dice.below(20));
  // The graph is one record of few, but nearly all that can go wrong is in it.
  const graph = depth === 0 ? found.findIndex(({ field }) => field === 7) : -1;
  const at = graph >= 0 && dice.chance(0.85) ? graph : dice.below(found.length);
  const record = found[at];
  const inner = record.wire === 2 && depth < MOST_DEPTH && dice.chance(depth === 0 ? 0.9 : 0.6);
  const changed = inner
    ? bytesRecord(record.field, damagedMessage(record.payload, dice, depth + 1))
    : dice.pick(damages)(record, dice, dice.pick(found));
  return concatenate(found.map(({ raw }, index) => (index === at ? changed : raw)));
}

function recordsOf(bytes: Uint8Array): WireRecord[] | undefined {
  try {
    return [...records(bytes)];
  } catch {
    return undefined;
  }
}

const numbers = [0, 1, -1, 2, 7, 16, 127, 1e6, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 53];
const lengths = [0, 1, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53];

type RecordDamage = (record: WireRecord, dice: Dice, other: WireRecord) => Uint8Array;

const damages: readonly RecordDamage[] = [
  () => new Uint8Array(0),
  ({ raw }) => concatenate([raw, raw]),
  ({ raw }, dice) =>
    concatenate(
      Array.from({ length: dice.pick([10, 300, 5000]) }, () => raw).slice(
        0,
        1 + 4e6 / (raw.length + 1),
      ),
    ),
  ({ raw }, _dice, other) => concatenate([other.raw, raw]),
  (_record, _dice, other) => other.raw,
  ({ field }, dice) => integerRecord(field, dice.pick(numbers)),
  ({ field }, dice) => bytesRecord(field, hostileWord(dice)),
  ({ field, payload }, dice) => bytesRecord(field, damaged(payload, dice)),
  ({ field }, dice) => bytesRecord(field, dice.bytes(dice.below(40))),
  ({ payload }, dice) => bytesRecord(dice.between(1, 30), payload),
  ({ field }, _dice, other) => bytesRecord(field, other.payload),
  // A message that lies about its length, and one around itself.
  ({ field, payload }, dice) =>
    concatenate([varintBytes(field * 8 + 2), varintBytes(dice.pick(lengths)), payload]),
  ({ field, raw }, dice) => {
    let nested = raw;
    for (let depth = dice.pick([1, 5, 200]); depth > 0; depth--)
      nested = bytesRecord(field, nested);
    return nested;
  },
  ({ field, payload }, dice) =>
    concatenate([varintBytes(field * 8 + dice.pick([0, 1, 3, 4, 5, 6, 7])), payload]),
];
