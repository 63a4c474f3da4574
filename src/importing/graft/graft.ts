import { VentralError } from '../../errors/ventral-error.js';
import type { Elements } from '../../onnx/graph-builder.js';
import { type Model, writeModelWithGraph } from '../../onnx/model.js';
import type { StoredTensor } from '../source/checkpoint.js';
import { foldNorm } from './folded-norms.js';
import type { GraftPlan, GraftRecipe } from './graft-plan.js';
import { castTo, slotPieces, storedFloats, transposed } from './weight-bytes.js';
import type { WeightSlot } from './weight-slots.js';

/** A graph with the weights of a checkpoint. */
export interface Grafted {
  readonly model: Uint8Array;
  /** Notes about the import. */
  readonly notes: readonly string[];
  /** The epsilon that batch norms were folded with; undefined if none were. */
  readonly epsilon?: Epsilon;
}

/** A batch norm's epsilon, which a graph no longer says once they are folded. */
export interface Epsilon {
  readonly value: number;
  /** How it is known: batch norms that are left, or the export's own weights. Undefined where it is not. */
  readonly known?: string;
}

/** PyTorch's epsilon, and TensorFlow's, which its ports keep. */
export const EPSILONS = [1e-5, 1e-3] as const;

/**
 * The graph with the weights of the plan's state dict in place of its own, all else byte for byte. Weights
 * that shared one initializer, because they were equal at export, get one each.
 * @throws VentralError `checkpoint-invalid` for values that no network has, and what reading the tensors throws
 * @param epsilon of folded batch norms, where the graph does not say it; PyTorch's by default
 */
export async function graft(
  plan: GraftPlan,
  file: string,
  epsilon: Epsilon = { value: EPSILONS[0] },
): Promise<Grafted> {
  const reader = new WeightReader(plan, file);
  const folds = plan.steps.filter(({ recipe }) => recipe.kind === 'fold').length;
  const used = folds > 0 ? await epsilonOf(plan, reader, epsilon) : undefined;
  const pieces = new Map<Uint8Array, Uint8Array[]>();
  for (const { slot, bias, recipe } of plan.steps) {
    const values = await reader.values(recipe, slot, (used ?? epsilon).value);
    pieces.set(recordOf(slot), slotPieces(slot, values.weight));
    if (bias && values.bias) pieces.set(recordOf(bias), slotPieces(bias, values.bias));
  }
  const records = plan.model.graph.records.flatMap(
    (record) => pieces.get(record.payload) ?? [record.raw],
  );
  return {
    model: writeModelWithGraph(plan.model, records),
    notes: [...reader.notes(), ...turnedNotes(plan), ...(used ? [foldNote(folds, used)] : [])],
    ...(used && { epsilon: used }),
  };
}

const recordOf = ({ stored, shared }: WeightSlot) => shared?.payload ?? stored.bytes;

function turnedNotes({ steps }: GraftPlan): string[] {
  const count = steps.filter(({ recipe }) => recipe.kind === 'transpose').length;
  if (count === 0) return [];
  return [`${count} weights of linear layers were transposed, as in the export`];
}

function foldNote(count: number, { value, known }: Epsilon): string {
  return `${count} batch norms were folded into their convolutions, as the graph has them, with epsilon ${value.toExponential()}${known ? ` (${known})` : ', PyTorch’s default: a folded graph does not say which its network had'}`;
}

/** Reads the values of slots out of a state dict. */
class WeightReader {
  readonly #plan: GraftPlan;
  readonly #file: string;
  readonly #rounded: string[] = [];

  constructor(plan: GraftPlan, file: string) {
    this.#plan = plan;
    this.#file = file;
  }

  async values(
    recipe: GraftRecipe,
    slot: WeightSlot,
    epsilon: number,
  ): Promise<{ weight: Elements; bias?: Elements }> {
    if (recipe.kind === 'fold') {
      const folded = await this.fold(recipe, epsilon);
      const cast = (values: Float64Array) =>
        castTo(slot, values, { file: this.#file, key: `${recipe.convolution}.weight` });
      return { weight: cast(folded.weight), bias: cast(folded.bias) };
    }
    const { tensor, values } = await this.#read(recipe.key);
    if (tensor.dtype === 'float64' && slot.elementType !== 11) this.#rounded.push(recipe.key);
    const [rows, columns] = tensor.dims;
    const laid =
      recipe.kind === 'transpose' && isFloating(values)
        ? transposed(values, rows, columns)
        : values;
    return { weight: castTo(slot, laid, { file: this.#file, key: recipe.key }) };
  }

  /** A convolution with its batch norm, in float64. */
  async fold({ convolution, norm }: Extract<GraftRecipe, { kind: 'fold' }>, epsilon: number) {
    const numbers = async (key: string) => Float64Array.from(await this.#floats(key));
    const has = (key: string) => this.#plan.tensors.has(key);
    const mean = await numbers(`${norm}.running_mean`);
    const or = (key: string, value: number) =>
      has(key) ? numbers(key) : new Float64Array(mean.length).fill(value);
    return foldNorm(
      await numbers(`${convolution}.weight`),
      has(`${convolution}.bias`) ? await numbers(`${convolution}.bias`) : undefined,
      {
        mean,
        variance: await numbers(`${norm}.running_var`),
        weight: await or(`${norm}.weight`, 1),
        bias: await or(`${norm}.bias`, 0),
        epsilon,
      },
    );
  }

  async #floats(key: string): Promise<Float32Array | Float64Array> {
    const { values } = await this.#read(key);
    if (isFloating(values)) return values;
    throw invalid(this.#file, key, 'floating-point numbers', 'whole numbers');
  }

  async #read(key: string): Promise<{ tensor: StoredTensor; values: Elements }> {
    const tensor = this.#plan.tensors.get(key);
    if (tensor === undefined) throw invalid(this.#file, key, 'a tensor', 'none');
    const values = await tensor.read();
    if (key.endsWith('running_var') && isFloating(values)) {
      const wrong = values.findIndex((value) => !(value >= 0));
      if (wrong >= 0) {
        throw invalid(this.#file, key, 'variances from 0', `${values[wrong]} at element ${wrong}`);
      }
    }
    return { tensor, values };
  }

  notes(): string[] {
    const count = this.#rounded.length;
    return count === 0 ? [] : [`${count} float64 tensors were rounded to the graph's own type`];
  }
}

const isFloating = (values: Elements): values is Float32Array | Float64Array =>
  values instanceof Float32Array || values instanceof Float64Array;

function invalid(file: string, key: string, expected: string, found: string): VentralError {
  return new VentralError(
    'checkpoint-invalid',
    `${file}: ${key} should hold ${expected}, found ${found}`,
    { file, field: key, expected, found },
  );
}

/** The epsilon of folded batch norms: what those that are left say, else what the export's own weights prove. */
async function epsilonOf(
  { model, steps }: GraftPlan,
  reader: WeightReader,
  otherwise: Epsilon,
): Promise<Epsilon> {
  const left = epsilonsLeft(model);
  if (left.size === 1)
    return { value: [...left][0], known: 'as the batch norms left in the graph' };
  const first = steps.find(({ recipe }) => recipe.kind === 'fold');
  const stored = first && storedFloats(first.slot.stored);
  if (!first || !stored || first.recipe.kind !== 'fold') return otherwise;
  for (const value of EPSILONS) {
    const { weight } = await reader.fold(first.recipe, value);
    const largest = stored.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
    const same = weight.every((each, i) => Math.abs(each - stored[i]) <= 1e-6 * largest);
    if (same) return { value, known: 'the graph was exported from this very checkpoint' };
  }
  return otherwise;
}

function epsilonsLeft(model: Model): Set<number> {
  const norms = model.graph.nodes.filter(({ operator }) => operator === 'BatchNormalization');
  return new Set(
    norms.map(({ attributes }) => {
      const written = attributes.find(({ name }) => name === 'epsilon')?.float ?? 1e-5;
      // The file holds float32: 9.999999747378752e-6 is 1e-5.
      return Number(written.toPrecision(6));
    }),
  );
}
