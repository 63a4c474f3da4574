import { type ReadBudget, WireError, type WireRecord } from './wire.js';

/**
 * What onnx.proto3 (ONNX 1.20) says of every message, and that bytes keep to it where two readers could
 * differ: a field in another wire type, a singular field or a oneof that appears twice, an integer of
 * 32 bits or an enumeration out of its range.
 */

type Message =
  | 'model'
  | 'graph'
  | 'node'
  | 'attribute'
  | 'tensor'
  | 'segment'
  | 'sparse'
  | 'value'
  | 'type'
  | 'tensorType'
  | 'listType'
  | 'mapType'
  | 'shape'
  | 'dimension'
  | 'operatorSet'
  | 'entry'
  | 'function'
  | 'annotation'
  | 'training';

/** A field: how it is stored, and what it holds. */
interface Field {
  readonly kind: Kind | Message;
  readonly isRepeated: boolean;
  /** Largest value of an enumeration. */
  readonly most?: number;
  /** Fields of one choice, of which one may be there. */
  readonly choice?: string;
}

type Kind = 'text' | 'int64' | 'int32' | 'enum' | 'float' | 'double';

const wires: Readonly<Record<Kind, number>> = {
  text: 2,
  int64: 0,
  int32: 0,
  enum: 0,
  float: 5,
  double: 1,
};

const one = (kind: Kind | Message): Field => ({ kind, isRepeated: false });
const many = (kind: Kind | Message): Field => ({ kind, isRepeated: true });
const choice = (kind: Kind | Message): Field => ({ kind, isRepeated: false, choice: 'value' });
const upTo = (most: number): Field => ({ kind: 'enum', isRepeated: false, most });

const schema: Readonly<Record<Message, Readonly<Record<number, Field>>>> = {
  model: {
    1: one('int64'),
    2: one('text'),
    3: one('text'),
    4: one('text'),
    5: one('int64'),
    6: one('text'),
    7: one('graph'),
    8: many('operatorSet'),
    14: many('entry'),
    20: many('training'),
    25: many('function'),
    26: many('text'),
  },
  graph: {
    1: many('node'),
    2: one('text'),
    5: many('tensor'),
    10: one('text'),
    11: many('value'),
    12: many('value'),
    13: many('value'),
    14: many('annotation'),
    15: many('sparse'),
    16: many('entry'),
  },
  node: {
    1: many('text'),
    2: many('text'),
    3: one('text'),
    4: one('text'),
    5: many('attribute'),
    6: one('text'),
    7: one('text'),
    8: one('text'),
    9: many('entry'),
    10: many('text'),
  },
  attribute: {
    1: one('text'),
    2: one('float'),
    3: one('int64'),
    4: one('text'),
    5: one('tensor'),
    6: one('graph'),
    7: many('float'),
    8: many('int64'),
    9: many('text'),
    10: many('tensor'),
    11: many('graph'),
    13: one('text'),
    14: one('type'),
    15: many('type'),
    20: upTo(14),
    21: one('text'),
    22: one('sparse'),
    23: many('sparse'),
  },
  tensor: {
    1: many('int64'),
    2: one('int32'),
    3: one('segment'),
    4: many('float'),
    5: many('int32'),
    6: many('text'),
    7: many('int64'),
    8: one('text'),
    9: one('text'),
    10: many('double'),
    11: many('int64'),
    12: one('text'),
    13: many('entry'),
    14: upTo(1),
    16: many('entry'),
  },
  segment: { 1: one('int64'), 2: one('int64') },
  sparse: { 1: one('tensor'), 2: one('tensor'), 3: many('int64') },
  value: { 1: one('text'), 2: one('type'), 3: one('text'), 4: many('entry') },
  type: {
    1: choice('tensorType'),
    4: choice('listType'),
    5: choice('mapType'),
    6: one('text'),
    8: choice('tensorType'),
    9: choice('listType'),
  },
  tensorType: { 1: one('int32'), 2: one('shape') },
  listType: { 1: one('type') },
  mapType: { 1: one('int32'), 2: one('type') },
  shape: { 1: many('dimension') },
  dimension: { 1: choice('int64'), 2: choice('text'), 3: one('text') },
  operatorSet: { 1: one('text'), 2: one('int64') },
  entry: { 1: one('text'), 2: one('text') },
  function: {
    1: one('text'),
    4: many('text'),
    5: many('text'),
    6: many('text'),
    7: many('node'),
    8: one('text'),
    9: many('operatorSet'),
    10: one('text'),
    11: many('attribute'),
    12: many('value'),
    13: one('text'),
    14: many('entry'),
  },
  annotation: { 1: one('text'), 2: many('entry') },
  training: { 1: one('graph'), 2: one('graph'), 3: many('entry'), 4: many('entry') },
};

/** As deep as protobuf's own readers go. */
const MOST_DEPTH = 100;
const INT32 = 2 ** 31;

/**
 * Fields that the schema does not know are let through inside of the model, where both pass over them, and
 * refused at its top.
 * @throws {@link WireError} where bytes could mean one thing here and another to the runtime
 */
export function checkSchema(bytes: Uint8Array, budget: ReadBudget): void {
  checkMessage('model', bytes, budget, 0);
}

function checkMessage(name: Message, bytes: Uint8Array, budget: ReadBudget, depth: number): void {
  if (depth > MOST_DEPTH) throw new WireError('deep', 0, 0);
  const seen = new Set<number | string>();
  for (const record of budget.records(bytes)) {
    const field = schema[name][record.field];
    if (field === undefined) {
      if (name === 'model') throw new WireError('unknown', 0, record.field);
      continue;
    }
    const once = field.choice ?? record.field;
    if (!field.isRepeated && seen.has(once)) throw new WireError('repeated', 0, record.field);
    seen.add(once);
    checkRecord(record, field, budget, depth);
  }
}

function checkRecord(record: WireRecord, field: Field, budget: ReadBudget, depth: number): void {
  const { kind, isRepeated, most } = field;
  const wire = isKind(kind) ? wires[kind] : 2;
  const isPacked = record.wire === 2 && isRepeated && wire !== 2;
  if (record.wire !== wire && !isPacked) throw new WireError('type', 0, record.field);
  if (!isKind(kind)) checkMessage(kind, record.payload, budget, depth + 1);
  else if (isPacked) checkPacked(record, kind);
  else if (kind === 'int32' && (record.value < -INT32 || record.value >= INT32)) {
    throw new WireError('range', 0, record.field);
  } else if (most !== undefined && !(record.value >= 0 && record.value <= most)) {
    throw new WireError('range', 0, record.field);
  }
}

/** Numbers of fixed size have to fill what they are packed in. */
function checkPacked({ payload, field }: WireRecord, kind: Kind): void {
  const size = kind === 'float' ? 4 : kind === 'double' ? 8 : 1;
  if (payload.length % size !== 0) throw new WireError('malformed', 0, field);
}

const isKind = (kind: Kind | Message): kind is Kind => Object.hasOwn(wires, kind);
