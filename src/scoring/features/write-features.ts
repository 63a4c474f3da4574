import { createWriteStream } from 'node:fs';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  Field,
  FixedSizeList,
  Float32,
  Float64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import type { ActivationStore } from '../../activations/scratch/activation-store.js';
import { VentralError } from '../../errors/ventral-error.js';
import { type NpzContent, writeNpz } from '../../formats/npz.js';
import { replaceFile } from '../../formats/write-file-atomic.js';
import { PROVENANCE } from './feature-file.js';
import type { FeatureContent } from './write-feature-assembly.js';

/** Bytes of rows in memory while a file is written. */
const BLOCK = 16 * 2 ** 20;

/** Writes features by extension: `.npz`, `.nc` (BrainIO assembly), `.arrow` (stream format) or `.json` (small ones). */
export async function writeFeatures(path: string, content: FeatureContent): Promise<void> {
  if (extname(path) === '.npz') return writeNpz(path, npzContents(content));
  if (extname(path) === '.arrow') return writeArrow(path, content);
  if (extname(path) === '.json') return writeJson(path, content);
  const { writeFeatureAssembly } = await import('./write-feature-assembly.js');
  return writeFeatureAssembly(path, content);
}

/** As text, a value takes about ten times its bytes. */
const MOST_JSON_VALUES = 2_000_000;

/** What the npz has, as one object; throws `not-acceptable` where it has too many values for that. */
async function writeJson(path: string, { ids, layers, provenance }: FeatureContent): Promise<void> {
  const values = [...layers.values()].reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  if (values > MOST_JSON_VALUES) {
    throw new VentralError(
      'not-acceptable',
      `JSON allows ${MOST_JSON_VALUES} values, found ${values}: use npz, netCDF or Arrow`,
    );
  }
  function* text() {
    yield `{"stimulus_id":${JSON.stringify(ids)},"provenance":${JSON.stringify(provenance)},"features":{`;
    let between = '';
    for (const [layer, store] of layers) {
      yield `${between}${JSON.stringify(layer)}:[`;
      between = ',';
      let row = 0;
      for (const { rows, values } of rowBlocks(store)) {
        for (let r = 0; r < rows; r++, row++) {
          const units = values.subarray(r * store.cols, (r + 1) * store.cols);
          yield `${row > 0 ? ',' : ''}${JSON.stringify(Array.from(units))}`;
        }
      }
      yield ']';
    }
    yield '}}';
  }
  await replaceFile(path, async (temporary) => {
    await pipeline(Readable.from(text()), createWriteStream(temporary, { flags: 'wx' }));
  });
}

function* rowBlocks(
  store: ActivationStore,
): Generator<{ readonly rows: number; readonly values: Float32Array | Float64Array }> {
  const step = Math.max(1, Math.floor(BLOCK / (8 * store.cols)));
  for (let first = 0; first < store.rows; first += step) {
    const rows = Math.min(step, store.rows - first);
    yield { rows, values: store.readRows(first, rows) };
  }
}

function npzContents({ ids, layers, provenance }: FeatureContent): NpzContent[] {
  const numeric = ids.every((id) => typeof id === 'number');
  const stimulusId = numeric
    ? ({
        dtype: 'int64',
        shape: [ids.length],
        data: BigInt64Array.from(ids as readonly number[], BigInt),
      } as const)
    : ({ dtype: 'string', shape: [ids.length], data: ids.map(String) } as const);
  return [
    { name: 'stimulus_id', array: stimulusId },
    { name: PROVENANCE, array: { dtype: 'string', shape: [], data: [JSON.stringify(provenance)] } },
    ...[...layers].map(([layer, store]) => ({
      name: `features/${layer}`,
      dtype: store.dtype,
      shape: [store.rows, store.cols],
      async *rows() {
        for (const { values } of rowBlocks(store)) yield values;
      },
    })),
  ];
}

/** One row a stimulus and layer: `stimulus_id`, `layer`, and the layer's units as a list of fixed size. */
async function writeArrow(
  path: string,
  { ids, layers, provenance }: FeatureContent,
): Promise<void> {
  const fields = [
    new Field('stimulus_id', new Utf8(), false),
    ...[...layers].map(([layer, store]) => {
      const item = store.dtype === 'float32' ? new Float32() : new Float64();
      return new Field(layer, new FixedSizeList(store.cols, new Field('item', item, false)), false);
    }),
  ];
  const schema = new Schema(fields, new Map([[PROVENANCE, JSON.stringify(provenance)]]));
  const widest = Math.max(...[...layers.values()].map(({ cols }) => cols));
  const step = Math.max(1, Math.floor(BLOCK / (8 * widest * layers.size)));
  function* batches() {
    for (let first = 0; first < ids.length; first += step) {
      const rows = Math.min(step, ids.length - first);
      const names = vectorFromArray(ids.slice(first, first + rows).map(String), new Utf8()).data[0];
      const columns = [...layers.values()].map((store, k) => {
        const values = store.readRows(first, rows);
        const type = fields[k + 1].type as FixedSizeList;
        const child = makeData({
          type: type.children[0].type,
          data: values as never,
          length: values.length,
          nullCount: 0,
        });
        return makeData({ type, child: child as never, length: rows, nullCount: 0 });
      });
      yield new RecordBatch(
        schema,
        makeData({
          type: new Struct(fields),
          length: rows,
          nullCount: 0,
          children: [names, ...columns] as never,
        }),
      );
    }
  }
  await replaceFile(path, async (temporary) => {
    const writer = RecordBatchStreamWriter.writeAll(batches());
    await pipeline(Readable.from(writer), createWriteStream(temporary, { flags: 'wx' }));
  });
}
