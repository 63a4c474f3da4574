import type { Model } from './model.js';
import { bytesRecord, concatenate, records, type WireRecord } from './wire.js';

/** Key under which an ONNX file of ours carries its model card as YAML text (design §5). */
export const CARD_KEY = 'ventral.card';

/** The text that `metadata_props` holds under a key, or undefined. */
export function getMetadata(model: Model, key: string): string | undefined {
  return model.metadata.get(key);
}

/** The model with a metadata entry set (replaced where it stood); all else is shared, not copied. */
export function setMetadata(model: Model, key: string, value: string): Model {
  const kept = model.records.filter((record) => !isEntry(record, key));
  const added = [...records(metadataRecord(key, value))];
  return {
    ...model,
    metadata: new Map([...model.metadata, [key, value]]),
    records: [...kept, ...added],
  };
}

/** A `metadata_props` record of ModelProto (field 14), a StringStringEntryProto. */
export function metadataRecord(key: string, value: string): Uint8Array {
  return bytesRecord(14, concatenate([bytesRecord(1, key), bytesRecord(2, value)]));
}

function isEntry(record: WireRecord, key: string): boolean {
  if (record.field !== 14) return false;
  const wanted = new TextEncoder().encode(key);
  for (const part of records(record.payload)) {
    if (part.field !== 1) continue;
    if (Buffer.compare(part.payload, wanted) === 0) return true;
  }
  return false;
}
