import { readFile, writeFile } from 'node:fs/promises';
import { type ModelCard, parseCard } from '../../activations/card/card.js';
import type { CardWarning } from '../../activations/card/card-warnings.js';
import { type LayerFault, layerFaults, layerWarnings } from '../../activations/check-card.js';
import { draftCard } from '../../activations/init-card.js';
import { measureLayers } from '../../activations/measure-layers.js';
import { openModelFile, preparedGraph, trialWarnings } from '../../activations/model-file.js';
import { imageInput } from '../../activations/stimuli/input-plan.js';
import { trySessions } from '../../activations/try-sessions.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { checkGraph, type GraphSummary } from '../../onnx/checks/check-graph.js';
import { exposeValues } from '../../onnx/expose.js';
import type { GraphNode } from '../../onnx/graph.js';
import { listLayers } from '../../onnx/layers.js';
import { CARD_KEY, getMetadata } from '../../onnx/metadata.js';
import { type Model, readModel } from '../../onnx/model.js';
import { weightType } from '../../onnx/weight-type.js';
import { Session } from '../../runtime/session.js';
import type { FeatureFormat } from '../../scoring/features/feature-file.js';

/** Answers a question about an ONNX file, in the process that may open it. */
export async function answerModelTask(task: ModelTask): Promise<unknown> {
  if (task.kind === 'shipped') {
    const { digest, card, bytes, model } = await openModelFile(task.reference);
    return { digest, card, size: bytes.length, graph: graphOf(model) };
  }
  if (task.kind === 'write') {
    const { bytes } = await openModelFile(task.reference);
    await writeFile(task.output as string, bytes);
    return null;
  }
  if (task.kind === 'features') {
    const { summariseFeatures } = await import('../../scoring/features/summarise-features.js');
    return summariseFeatures(task.reference, task.format as FeatureFormat);
  }
  if (task.kind === 'draft') return (await draftCard(task.reference)).hints;
  if (task.kind === 'card') return faultsOf(task);
  return task.kind === 'check' ? check(task) : layers(task);
}

/** What of a card the graph does not have. */
async function faultsOf({ reference, card }: ModelTask): Promise<LayerFault[]> {
  const opened = await openModelFile(reference, present({ card }));
  return opened.card ? layerFaults(opened.model, opened.card) : [];
}

/** Result of a graph check, stored with the registration. */
function graphOf(model: Model, summary: GraphSummary = checkGraph(model)) {
  const { inputs, outputs, opset, producer, nodes, parameters } = summary;
  const precision = weightType(model) ?? null;
  return { inputs, outputs, opset, producer, nodes, parameters, precision };
}

/** The layers with their shapes; without them where the network does not run on an image of that size. */
async function layers({ reference, card }: ModelTask): Promise<unknown> {
  try {
    return await measureLayers(reference, { threads: 1, ...present({ card }) });
  } catch {
    const listed = listLayers((await openModelFile(reference, card ? { card } : {})).model);
    return listed.map((layer) => ({ ...layer, shape: null, units: null }));
  }
}

/**
 * Reads the graph, checks it, and has the runtime load it: what is registered can be run on images. A graph that crashes the
 * runtime's optimizer, in a process of its own, runs at a lower level.
 */
async function check({ reference, name, card: given }: ModelTask): Promise<CheckedModel> {
  const bytes = await readFile(reference);
  const model = readModel(bytes, name);
  const checked = checkGraph(model);
  const { externalFiles } = checked;
  if (externalFiles.length > 0) {
    throw new VentralError(
      'onnx-external-data',
      `${name} keeps tensors in ${externalFiles.slice(0, 3).join(', ')}: a registered model must be one file; save it with its data inside`,
      { file: name, found: externalFiles[0] },
    );
  }
  const text = getMetadata(model, CARD_KEY);
  const card = text === undefined ? null : parseCard(text, `${CARD_KEY} in ${name}`);
  const its = given ?? card ?? undefined;
  const part = preparedGraph(model, its);
  const { outputs, nodes } = part.graph;
  const last = outputs.length > 0 ? outputs.map((output) => output.name) : lastOf(nodes);
  const run = part === model ? bytes : exposeValues(part, last);
  const highest = { graph: () => [run], operators: 'fused', opens: true } as const;
  const [opened] = await trySessions([highest], { threads: 1, name });
  if (opened.end === 'refused') throw opened.error;
  const session = await Session.open(run, { threads: 1, name, operators: 'as written' });
  try {
    imageInput(session.inputs, name);
  } finally {
    await session.close();
  }
  const warnings = its
    ? [...trialWarnings(part, its), ...layerWarnings(layerFaults(part, its))]
    : [];
  return { graph: graphOf(model, checked), card, warnings };
}

/** What is computed last; of a graph that has no output of the image alone. */
const lastOf = (nodes: readonly GraphNode[]) => nodes.at(-1)?.outputs.slice(0, 1) ?? [];

/** A question about an ONNX file, for the process that may open it. */
export interface ModelTask {
  /**
   * `check`: is it a network that can be run (a `CheckedModel`)? `layers`: its layers.
   * `card`: which layers of the card it lacks (a list of `LayerFault`).
   * `shipped`: a shipped model (a `ShippedModel`). `write`: its bytes, to `output`. `draft`: what the file
   * says of a card (`CardHints`). `features`: what a file of features holds (a `FeatureSummary`).
   */
  readonly kind: 'check' | 'layers' | 'card' | 'shipped' | 'write' | 'draft' | 'features';
  /** Path of the file, or name of a shipped model. */
  readonly reference: string;
  /** What messages call it. */
  readonly name: string;
  /** The registered card: it says how large an image is, and which input it goes to. */
  readonly card?: ModelCard;
  readonly output?: string;
  /** Of features. */
  readonly format?: FeatureFormat;
}

/** Result of the check of a file. */
export interface CheckedModel {
  readonly graph: unknown;
  /** The card inside the file. */
  readonly card: ModelCard | null;
  /** What of its card, or of the one that was given, the graph does not have. */
  readonly warnings: readonly CardWarning[];
}
