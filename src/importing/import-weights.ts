import { openModelFile } from '../activations/model-file.js';
import { VentralError } from '../errors/ventral-error.js';
import { type Model, readModel } from '../onnx/model.js';
import {
  bestNaming,
  graphNamings,
  type Naming,
  ourKey,
  ourPath,
  theirKey,
} from './architectures/architecture.js';
import { EXPORT_LINE } from './architectures/export-line.js';
import { buildArchitecture, findArchitecture } from './architectures/find-architecture.js';
import type { NameOptions } from './checkpoint/choose-prefix.js';
import { isAverage } from './checkpoint/find-state-dict.js';
import { type KeyTable, requireKeys } from './checkpoint/key-table.js';
import { openCheckpoint } from './checkpoint/open-checkpoint.js';
import { type NamedState, stateNames } from './checkpoint/state-dict.js';
import { EPSILONS, type Grafted, graft } from './graft/graft.js';
import { type GraftPlan, planGraft, wantedNames } from './graft/graft-plan.js';
import { type Headless, withoutHead } from './graft/without-head.js';
import { type Proof, prove } from './proof/proof.js';
import { openReference } from './proof/reference-outputs.js';
import { selfCheck } from './proof/self-check.js';
import type { Checkpoint, StoredTensor } from './source/checkpoint.js';
import { shortened } from './source/checkpoint-fault.js';
import { printable } from './source/printable.js';

/** A network for the weights: one that ventral builds, or an export of the user's. */
export type Onto = { readonly arch: string } | { readonly graph: string };

/** What the import of weights needs. */
export interface WeightsRequest {
  readonly checkpoint: string;
  readonly onto: Onto;
  /** Which state dict of the file, where it holds several. */
  readonly key?: string | undefined;
  /** Whether the moving average of the weights is wanted. */
  readonly ema?: boolean | undefined;
  /** Prefix under which the network's names stand in the file. */
  readonly prefix?: string | undefined;
  /** Globs over names in the file that are left out. */
  readonly ignore?: readonly string[] | undefined;
  /** Whether the network ends at what its head reads. */
  readonly withoutHead?: boolean | undefined;
  /** npz file of what the source gives. */
  readonly reference?: string | undefined;
  readonly threads?: number | undefined;
  /** Told how the names fit before anything is refused for it. */
  readonly onKeys?: ((table: KeyTable) => void) | undefined;
}

/** A network with its weights and metadata. */
export interface ImportedWeights {
  readonly model: Model;
  readonly source: { readonly format: string; readonly path: string };
  readonly onto: { readonly [key: string]: string };
  readonly keys: KeyTable;
  readonly proof: Proof | undefined;
  readonly notes: readonly string[];
  /** Path of the head that was left out. */
  readonly withoutHead?: string;
  readonly normalizer?: NonNullable<NamedState['normalizer']>;
}

/**
 * Puts the weights of a PyTorch or safetensors checkpoint into a network.
 * @throws VentralError `checkpoint-unmatched` unless each weight of the network is there and each tensor has its
 *   place, `import-differs` where the reference outputs are not what the network gives, and what reading
 *   checkpoint, graph and reference throws
 */
export async function importWeights(request: WeightsRequest): Promise<ImportedWeights> {
  const { key, ema } = request;
  const checkpoint = await openCheckpoint(request.checkpoint, { key, ema });
  try {
    const target = await targetOf(request, checkpoint);
    const state = await namedState(checkpoint, target, request);
    const { plan, table } = planFor(target, state);
    request.onKeys?.(table);
    requireKeys(table, checkpoint.file, 'arch' in request.onto ? ANOTHER : undefined);
    const { model, grafted, proof } = await graftAndProve(plan, target, checkpoint.file, request);
    const { naming } = target;
    return {
      model,
      source: { format: checkpoint.format, path: checkpoint.path },
      onto: { ...request.onto, ...saysOf(naming) },
      keys: table,
      proof,
      notes: [
        ...state.notes,
        ...takenNotes(checkpoint),
        ...(naming.assumed && !proof ? [naming.assumed] : []),
        ...activationNotes(proof),
        ...grafted.notes,
        ...(target.headless ? [headNote(target.headless)] : []),
      ],
      ...(target.headless && { withoutHead: target.headless.head }),
      ...(state.normalizer && { normalizer: state.normalizer }),
    };
  } finally {
    await checkpoint.close();
  }
}

const ANOTHER = `if it is another network, give --graph, an ONNX export of it by ${EXPORT_LINE}`;

/** Says which of several state dicts was taken. */
function takenNotes({ path, others = [], averaged }: Checkpoint): string[] {
  const quoted = (each: string) => `"${printable(shortened(each))}"`;
  const taken = path === '' ? 'the whole file' : quoted(path);
  if (averaged) return [`${taken}, a moving average of the weights, was taken`];
  const averages = others.filter(isAverage).slice(0, 8).map(quoted);
  if (averages.length === 0) return [];
  return [`${taken} was taken, not the moving average ${averages.join(', ')}: --ema takes that`];
}

function activationNotes(proof: Proof | undefined): string[] {
  const fused = proof?.withActivation ?? [];
  if (fused.length === 0) return [];
  return [
    `${fused.length} batch norms of the source hold their activation (${printable(shortened(fused[0]))}, …): they were compared after it`,
  ];
}

const headNote = ({ head, value }: Headless) =>
  `the head${head === '' ? '' : ` ${head}`} was left out: the network ends at what it read, ${value}`;

const saysOf = ({ library, variant }: Naming): { [key: string]: string } => ({
  ...(library && { names: library }),
  ...(variant && { variant }),
});

interface Target {
  readonly model: Model;
  readonly headless?: Headless;
  readonly naming: Naming;
  readonly side?: number;
}

async function targetOf(
  { onto, withoutHead: isHeadless }: WeightsRequest,
  checkpoint: Checkpoint,
): Promise<Target> {
  const stored = checkpoint.tensors.keys();
  const whole = (model: Model) => (isHeadless ? cutHead(model) : { model });
  if ('graph' in onto) {
    const target = whole((await openModelFile(onto.graph)).model);
    const wanted = wantedNames(target.model);
    return { ...target, naming: bestNaming(graphNamings(wanted), wanted, stored) };
  }
  const architecture = findArchitecture(onto.arch);
  const { namings, side } = architecture;
  const build = async (naming: Naming) =>
    readModel(await buildArchitecture(architecture, naming.variant), onto.arch);
  const first = await build(namings[0]);
  const naming = bestNaming(namings, wantedNames(first), stored);
  const model = naming.variant === namings[0].variant ? first : await build(naming);
  return { ...whole(model), naming, side };
}

function cutHead(model: Model): Pick<Target, 'model' | 'headless'> {
  const headless = withoutHead(model);
  return { model: headless.model, headless };
}

/** How the checkpoint's own library calls a tensor of the network. */
const theirs = ({ naming }: Target, key: string) => theirKey(naming, key) ?? key;

async function namedState(
  checkpoint: Checkpoint,
  target: Target,
  options: NameOptions,
): Promise<NamedState> {
  const wanted = [...wantedNames(target.model)].map((key) => theirs(target, key));
  return stateNames(checkpoint, new Set(wanted), options);
}

function planFor(target: Target, state: NamedState): { plan: GraftPlan; table: KeyTable } {
  const wanted = wantedNames(target.model);
  const ours = new Map([...wanted].map((key) => [theirs(target, key), key]));
  const tensors = new Map<string, StoredTensor>();
  const foreign: string[] = [];
  for (const [key, tensor] of state.tensors) {
    const own = ours.get(key) ?? ourKey(target.naming, key);
    // Our names that this library does not use are not names of the network.
    if (wanted.has(own) && !ours.has(key)) foreign.push(key);
    else tensors.set(own, tensor);
  }
  const { head } = target.headless ?? {};
  const theirHead = head && theirs(target, `${head}.weight`).replace(/\.weight$/, '');
  const plan = planGraft(target.model, tensors, (key) => theirs(target, key), theirHead);
  const stored = (key: string) => state.storedNames.get(key) ?? key;
  const { unexpected, ignored, ...rest } = plan.table;
  const table = {
    ...rest,
    unexpected: [...unexpected, ...foreign].map(stored),
    ignored: [...ignored.map(({ key, why }) => ({ key: stored(key), why })), ...state.leftOut],
  };
  return { plan, table };
}

async function graftAndProve(
  plan: GraftPlan,
  target: Target,
  file: string,
  { reference, threads }: WeightsRequest,
): Promise<{ model: Model; grafted: Grafted; proof: Proof | undefined }> {
  const named = target.model.name;
  const grafted = await graft(plan, file);
  const model = readModel(grafted.model, named);
  if (reference === undefined) {
    await selfCheck(model, grafted.model, { ...(target.side && { side: target.side }), threads });
    return { model, grafted, proof: undefined };
  }
  try {
    return { model, grafted, proof: await proveBy(reference, model, target, threads) };
  } catch (error) {
    const code = error instanceof VentralError ? error.code : undefined;
    const unsure = grafted.epsilon !== undefined && grafted.epsilon.known === undefined;
    if (code !== 'import-differs' || !unsure) throw error;
    // The folded graph does not say its epsilon: where the other one gives the reference's numbers, it is that.
    const epsilon = { value: EPSILONS[1], known: 'with which it gives the reference outputs' };
    const again = await graft(plan, file, epsilon);
    const other = readModel(again.model, named);
    const proof = await proveBy(reference, other, target, threads).catch(() => {
      throw error;
    });
    return { model: other, grafted: again, proof };
  }
}

async function proveBy(
  reference: string,
  model: Model,
  { naming, headless }: Target,
  threads: number | undefined,
): Promise<Proof> {
  const source = await openReference(reference, model, {
    pathOf: (module, all) => ourPath(naming, module, all),
    withoutHead: headless !== undefined,
  });
  try {
    return await prove(model, source, threads);
  } finally {
    await source.close();
  }
}
