import { digestOf } from '../formats/digest.js';
import { present } from '../formats/present.js';
import { exposedPieces } from '../onnx/expose.js';
import { modelInputs } from '../onnx/model-inputs.js';
import {
  lowerOptimizations,
  type Optimization,
  runtimeIdentity,
  type SessionValue,
} from '../runtime/session.js';
import type { Work } from '../runtime/work.js';
import type { ContentCache } from './cache/content-cache.js';
import { type InputSize, type ModelCard, withInput } from './card/card.js';
import { withClip } from './clip-card.js';
import { fusedOutputs } from './exposed-values.js';
import type { Network } from './extract.js';
import { cardOf, type ModelFile, type ModelSource, openModelFile } from './model-file.js';
import { imageInput } from './stimuli/input-plan.js';
import { crashed, type SessionTrial, trySessions } from './try-sessions.js';

/** How a network is opened. */
export interface OpenOptions {
  /** Another input size than the card's. */
  readonly input?: InputSize | undefined;
  readonly threads?: number;
  /** Keeps the highest level of optimisation at which a graph runs. */
  readonly cache?: Pick<ContentCache, 'get' | 'put'> | undefined;
  readonly signal?: AbortSignal;
  readonly progress?: Work | undefined;
}

/**
 * Opens a network with its card, for scoring. A graph that does not ship with ventral is first run in a child process, to find
 * the highest level of optimisation at which it does not crash the runtime.
 * @throws what opening the file throws, `card-missing`, `card-invalid`, `input-mismatch` for a graph that takes neither images nor clips, and `process-crashed` for a graph that crashes
 *   the runtime at every level
 */
export async function openNetwork(
  source: ModelSource & { readonly path: string },
  options: OpenOptions = {},
): Promise<Network> {
  const file = await openModelFile(source.path, source);
  const given = options.input ? withInput(cardOf(file), options.input) : cardOf(file);
  if (file.shipped) return { file, card: given };
  requireImage(file);
  const card = withClip(file, given);
  const optimization = await optimizationOf(file, card, options);
  return { file: { ...file, ...present({ optimization }) }, card };
}

/** Refuses a network that takes no image, before any work. */
function requireImage({ model, name }: ModelFile): void {
  const inputs = modelInputs(model);
  // Without axes the runtime knows no more of it.
  const known = inputs.map((input) => ({ ...input, dims: input.dims ?? [] }));
  if (known.every(({ dtype }) => dtype !== null))
    imageInput(known as readonly SessionValue[], name);
}

/** Time that a small network takes to be tried. */
const TRIAL_SECONDS = 0.3;

type Found = { readonly optimization: Optimization | null } | { readonly crashed: string };

/** Signals of crashes that a shortage of memory or of disk causes, too: the next run tries again. */
const passing: readonly string[] = ['SIGABRT', 'SIGBUS', 'SIGTRAP', 'SIGILL'];

const found = new Map<string, Promise<Found>>();

/** Undefined for the highest level. */
async function optimizationOf(
  file: ModelFile,
  card: ModelCard,
  options: OpenOptions,
): Promise<Optimization | undefined> {
  const outputs = fusedOutputs(file.model, card);
  const runtime = runtimeIdentity(options.threads);
  // Of a graph of several inputs another one may take the image, and images differ in size.
  const image = JSON.stringify(card.input);
  const tried = { model: file.digest, outputs: [...outputs], runtime, image };
  const key = `optimization-${digestOf(tried)}`;
  const known = found.get(key) ?? lookUp(key, { file, card, outputs }, options);
  found.set(key, known);
  known.catch(() => found.delete(key));
  const result = await known;
  if ('crashed' in result) {
    if (passing.includes(result.crashed)) found.delete(key);
    throw crashed(file.name, result.crashed);
  }
  return result.optimization ?? undefined;
}

interface Tried extends Network {
  readonly outputs: readonly string[];
}

async function lookUp(key: string, tried: Tried, options: OpenOptions): Promise<Found> {
  const bytes = await options.cache?.get(key);
  const kept = bytes && read(bytes);
  if (kept) return kept;
  // A graph may take long to open, or never end: a job says from here on that it works.
  const stage = options.progress?.stage({
    ...{ stage: 'data', kind: 'trial', total: 1, basis: 'bytes' },
    seconds: TRIAL_SECONDS,
  });
  stage?.at(0);
  const { result, signals } = await tryLevels(tried, options);
  stage?.at(1);
  if (!signals.some((signal) => passing.includes(signal)))
    await options.cache?.put(key, [new TextEncoder().encode(JSON.stringify(result))]);
  return result;
}

/** What the cache has; undefined where it is none of what is kept here. */
function read(bytes: Uint8Array): Found | undefined {
  try {
    const { optimization, crashed } = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof crashed === 'string') return { crashed };
    const known = [null, ...lowerOptimizations].includes(optimization);
    return known ? { optimization } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The result, and the signals of the crashes behind it. A refusal without a crash is reported by the session that is opened for
 * the work.
 */
async function tryLevels(
  { file, card, outputs }: Tried,
  { threads, signal }: OpenOptions,
): Promise<{ readonly result: Found; readonly signals: readonly string[] }> {
  const { model, name } = file;
  const ends = model.graph.outputs.map((output) => output.name);
  const graph = () => exposedPieces(model, outputs.length > 0 ? outputs : ends);
  const how = { name, card, ...present({ threads, signal }) };
  const written: SessionTrial = {
    graph: () => exposedPieces(model, [...outputs, ...ends]),
    operators: 'as written',
  };
  const [first, second] = await trySessions([written, { graph, operators: 'fused' }], how);
  // Shapes are measured, and other layers computed, with the operators as they are written.
  if (first.end === 'crashed')
    return { result: { crashed: first.signal }, signals: [first.signal] };
  if (second.end !== 'crashed') return { result: { optimization: null }, signals: [] };
  const signals = [second.signal];
  for (const optimization of lowerOptimizations) {
    const [outcome] = await trySessions([{ graph, operators: 'fused', optimization }], how);
    if (outcome.end !== 'crashed') return { result: { optimization }, signals };
    signals.push(outcome.signal);
  }
  return { result: { crashed: second.signal }, signals };
}
