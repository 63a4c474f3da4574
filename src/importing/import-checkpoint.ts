import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { IMPORT_KEY, type ImportRecord } from '../activations/card/import-record.js';
import { VentralError } from '../errors/ventral-error.js';
import { present } from '../formats/present.js';
import { writeFileAtomic } from '../formats/write-file-atomic.js';
import { checkGraph } from '../onnx/checks/check-graph.js';
import { setMetadata } from '../onnx/metadata.js';
import { type Model, readModel, writeModel } from '../onnx/model.js';
import { EXPORT_LINE } from './architectures/export-line.js';
import { type CheckpointKind, checkpointKind } from './checkpoint/checkpoint-kind.js';
import type { KeyTable } from './checkpoint/key-table.js';
import { type ImportedWeights, importWeights, type Onto } from './import-weights.js';
import type { LayerDifference } from './proof/compare-layers.js';
import { type Proof, prove, runtimeOutputs } from './proof/proof.js';
import { openNetworkReference } from './proof/reference-outputs.js';
import { selfCheck } from './proof/self-check.js';
import type { Imported } from './source/imported.js';

/** What to import, and where to. */
export interface ImportRequest {
  readonly checkpoint: string;
  readonly output: string;
  /** Name of a network that ventral builds. */
  readonly arch?: string | undefined;
  /** ONNX export of the same network. */
  readonly graph?: string | undefined;
  readonly key?: string | undefined;
  readonly ema?: boolean | undefined;
  readonly prefix?: string | undefined;
  readonly ignore?: readonly string[] | undefined;
  readonly withoutHead?: boolean | undefined;
  readonly reference?: string | undefined;
  /** Whether a file at `output` may be replaced. */
  readonly force?: boolean | undefined;
  readonly threads?: number | undefined;
  readonly onKeys?: ((table: KeyTable) => void) | undefined;
}

/** Result of an import, as `ventral import --json` prints it. */
export interface ImportReport {
  readonly file: string;
  readonly digest: string;
  readonly source: { readonly file: string; readonly format: string; readonly path?: string };
  /** Architecture with the names that were followed, or graph; empty for whole networks. */
  readonly onto: { readonly [key: string]: string };
  /** Undefined for whole networks. */
  readonly keys?: KeyTable;
  readonly proved: boolean;
  readonly proof?: Proof;
  /** Why nothing was proved. */
  readonly unproved?: string;
  /** Path of the head that was left out, as asked. */
  readonly withoutHead?: string;
  readonly normalizer?: { readonly mean: readonly number[]; readonly std: readonly number[] };
  readonly notes: readonly string[];
}

/**
 * Imports a checkpoint of another framework as an ONNX file, which is written whole or not at all: only after
 * all its tensors found their places, and its layers were compared with the source's where that can be run or
 * was recorded.
 * @throws VentralError `bad-usage`, `file-exists`, `checkpoint-unmatched`, `import-unsupported`,
 *   `import-differs`, and what reading the files throws
 */
export async function importCheckpoint(request: ImportRequest): Promise<ImportReport> {
  const kind = await checkpointKind(request.checkpoint);
  const onto = ontoOf(request, kind);
  if (existsSync(request.output) && !request.force) {
    throw new VentralError('file-exists', `${request.output} exists already; --force replaces it`, {
      file: request.output,
      field: 'output',
    });
  }
  const file = basename(request.checkpoint);
  const made =
    onto === undefined
      ? await wholeNetwork(request, kind)
      : withSource(await importWeights({ ...request, onto }), file);
  checkGraph(made.model);
  return write(request.output, made);
}

interface Made extends Omit<ImportReport, 'file' | 'digest' | 'proved'> {
  readonly model: Model;
}

function ontoOf(request: ImportRequest, kind: CheckpointKind): Onto | undefined {
  const { arch, graph, key, ema, prefix, ignore, withoutHead } = request;
  const refuse = (sentence: string) => new VentralError('bad-usage', `import: ${sentence}`);
  if (kind === 'weights') {
    if (key !== undefined && ema) throw refuse('give either --key or --ema');
    if (ema && prefix !== undefined) throw refuse('give either --prefix or --ema');
    if (arch !== undefined && graph === undefined) return { arch };
    if (graph !== undefined && arch === undefined) return { graph };
    throw refuse(
      `a state dict has only weights: give either --arch NAME or --graph G.onnx, an export of the network by ${EXPORT_LINE}`,
    );
  }
  const named = { arch, graph, key, ema, prefix, ignore, 'without-head': withoutHead };
  const given = Object.entries(named).find(([, value]) => value !== undefined);
  if (given === undefined) return undefined;
  throw refuse(`--${given[0]} is for state dicts; this file holds a whole network (${kind})`);
}

function withSource({ source, proof, ...rest }: ImportedWeights, file: string): Made {
  return {
    ...rest,
    source: { file, ...source },
    ...(proof
      ? { proof }
      : {
          unproved:
            'no reference outputs were given (--reference); the network runs and its outputs are finite',
        }),
  };
}

async function wholeNetwork(request: ImportRequest, kind: CheckpointKind): Promise<Made> {
  const imported = await readNetwork(request.checkpoint, kind);
  const { source, notes, normalizer } = imported;
  const { reference, threads } = request;
  const file = basename(request.checkpoint);
  const model = readModel(imported.model, file);
  const about = { source: { file, format: kind }, onto: {}, ...present({ normalizer }) };
  const made = { model, ...about, notes };
  try {
    if (reference !== undefined) {
      return { ...made, proof: await proveByReference(reference, model, imported, threads) };
    }
    if (source !== undefined) {
      const proof = await prove(model, runtimeOutputs(imported, source), threads);
      return { ...made, proof, notes: [...notes, ...(source.remarks?.() ?? [])] };
    }
    await selfCheck(model, imported.model, { threads });
    const unproved =
      'no runtime of the source is available, and no reference outputs were given (--reference); the network runs and its outputs are finite';
    return { ...made, unproved };
  } finally {
    await source?.close();
  }
}

async function proveByReference(
  reference: string,
  model: Model,
  imported: Imported,
  threads: number | undefined,
): Promise<Proof> {
  const stored = await openNetworkReference(reference, model, imported);
  try {
    return await prove(model, stored, threads);
  } finally {
    await stored.close();
  }
}

async function readNetwork(path: string, kind: CheckpointKind): Promise<Imported> {
  // TensorFlow.js takes a while to load: those who import weights do not wait for it.
  if (kind === 'tflite') return (await import('./tflite/import-tflite.js')).importTflite(path);
  if (kind === 'keras') return (await import('./keras/import-keras.js')).importKeras(path);
  return (await import('./tfjs/import-tfjs.js')).importTfjs(path);
}

async function write(output: string, { model, ...rest }: Made): Promise<ImportReport> {
  const proved = rest.proof !== undefined;
  const bytes = writeModel(setMetadata(model, IMPORT_KEY, JSON.stringify(recordOf(rest))));
  await writeFileAtomic(output, bytes);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { file: output, digest, proved, ...rest };
}

/** What the file keeps of its import. */
function recordOf(made: Omit<Made, 'model'>): ImportRecord {
  const { source, onto, proof, normalizer, withoutHead, notes } = made;
  const largest = proof && largestOf(proof);
  return {
    source,
    onto,
    proved: proof !== undefined,
    ...(proof &&
      largest && {
        proof: {
          by: basename(proof.by),
          tolerance: proof.tolerance,
          layers: proof.layers.length,
          largest,
        },
      }),
    ...present({ normalizer, withoutHead }),
    notes,
  };
}

/** The layer with the largest relative difference. */
export function largestOf({ layers }: Proof): LayerDifference {
  return layers.reduce((most, layer) => (layer.relative > most.relative ? layer : most));
}
