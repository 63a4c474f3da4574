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
import { buildArchitecture, findArchitecture } from './architectures/find-architecture.js';
import { type KeyTable, requireKeys } from './checkpoint/key-table.js';
import { openCheckpoint } from './checkpoint/open-checkpoint.js';
import { type NamedState, stateNames } from './checkpoint/state-dict.js';
import { EPSILONS, type Grafted, graft } from './graft/graft.js';
import { type GraftPlan, planGraft, wantedNames } from './graft/graft-plan.js';
import { type Proof, prove } from './proof/proof.js';
import { openReference } from './proof/reference-outputs.js';
import { selfCheck } from './proof/self-check.js';
import type { Checkpoint, StoredTensor } from './source/checkpoint.js';

/** A network for the weights: one that ventral builds, or an export of the user's. */
export type Onto = { readonly arch: string } | { readonly graph: string };

/** What the import of weights needs. */
export interface WeightsRequest {
  readonly checkpoint: string;
  readonly onto: Onto;
  /** Which state dict of the file, where it holds several. */
  readonly key?: string | undefined;
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
  readonly normalizer?: NonNullable<NamedState['normalizer']>;
}

/**
 * Puts the weights of a PyTorch or safetensors checkpoint into a network.
 * @throws VentralError `checkpoint-unmatched` unless each weight of the network is there and each tensor has its
 *   place, `import-differs` where the reference outputs are not what the network gives, and what reading
 *   checkpoint, graph and reference throws
 */
export async function importWeights(request: WeightsRequest): Promise<ImportedWeights> {
  const checkpoint = await openCheckpoint(request.checkpoint, request.key);
  try {
    const target = await targetOf(request.onto, checkpoint);
    const state = await namedState(checkpoint, target);
    const { plan, table } = planFor(target, state);
    request.onKeys?.(table);
    requireKeys(table, checkpoint.file);
    const { model, grafted, proof } = await graftAndProve(plan, target, checkpoint.file, request);
    const { naming } = target;
    return {
      model,
      source: { format: checkpoint.format, path: checkpoint.path },
      onto: { ...request.onto, ...saysOf(naming) },
      keys: table,
      proof,
      notes: [
        ...(state.note ? [state.note] : []),
        ...(naming.assumed && !proof ? [naming.assumed] : []),
        ...grafted.notes,
      ],
      ...(state.normalizer && { normalizer: state.normalizer }),
    };
  } finally {
    await checkpoint.close();
  }
}

const saysOf = ({ library, variant }: Naming): { [key: string]: string } => ({
  ...(library && { names: library }),
  ...(variant && { variant }),
});

interface Target {
  readonly model: Model;
  readonly naming: Naming;
  readonly side?: number;
}

async function targetOf(onto: Onto, checkpoint: Checkpoint): Promise<Target> {
  const stored = checkpoint.tensors.keys();
  if ('graph' in onto) {
    const { model } = await openModelFile(onto.graph);
    const wanted = wantedNames(model);
    return { model, naming: bestNaming(graphNamings(wanted), wanted, stored) };
  }
  const architecture = findArchitecture(onto.arch);
  const { namings, side } = architecture;
  const build = async (naming: Naming) =>
    readModel(await buildArchitecture(architecture, naming.variant), onto.arch);
  const first = await build(namings[0]);
  const naming = bestNaming(namings, wantedNames(first), stored);
  const model = naming.variant === namings[0].variant ? first : await build(naming);
  return { model, naming, side };
}

/** How the checkpoint's own library calls a tensor of the network. */
const theirs = ({ naming }: Target, key: string) => theirKey(naming, key) ?? key;

async function namedState(checkpoint: Checkpoint, target: Target): Promise<NamedState> {
  const wanted = [...wantedNames(target.model)].map((key) => theirs(target, key));
  return stateNames(checkpoint, new Set(wanted));
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
  const plan = planGraft(target.model, tensors, (key) => theirs(target, key));
  const stored = (key: string) => state.storedNames.get(key) ?? key;
  const leftOut = state.leftOut.map((key) => ({
    key,
    why: /normaliz/.test(key) ? 'normalises the input' : 'the same tensor again',
  }));
  const { unexpected, ignored, ...rest } = plan.table;
  const table = {
    ...rest,
    unexpected: [...unexpected, ...foreign].map(stored),
    ignored: [...ignored.map(({ key, why }) => ({ key: stored(key), why })), ...leftOut],
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
  { naming }: Target,
  threads: number | undefined,
): Promise<Proof> {
  const source = await openReference(reference, model, (module, all) =>
    ourPath(naming, module, all),
  );
  try {
    return await prove(model, source, threads);
  } finally {
    await source.close();
  }
}
