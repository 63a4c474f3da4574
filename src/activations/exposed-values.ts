import { present } from '../formats/present.js';
import { nodeReads } from '../onnx/dataflow.js';
import { ancestorValues, exposeValues } from '../onnx/expose.js';
import type { Model } from '../onnx/model.js';
import { valueDepths } from '../onnx/modules.js';
import type { Execution } from '../runtime/provider.js';
import { type Optimization, Session } from '../runtime/session.js';
import { BATCH, batchOf } from './batch-axis.js';
import { candidateLayers } from './card/candidates.js';
import type { ModelCard } from './card/card.js';
import type { KeptValue } from './layer-view.js';
import type { ModelFile } from './model-file.js';
import { trialsOf } from './trials.js';

/**
 * An output prevents the runtime from fusing operators across it, which changes the last bits of later values. A
 * layer must be bit-identical no matter which others are requested, and in how many passes. So the candidates of a
 * model (its card's `layers`, else the graph's own; and the layers that it names for regions and tasks), and the
 * values where the paths to them branch, are outputs in every run that computes them, fetched or not. Any other
 * value is computed operator by operator as in the file, which is slower and depends on no output.
 */
export interface Pass {
  readonly operators: 'fused' | 'as written';
  /** Values that are fetched. */
  readonly values: readonly string[];
  /** What is kept of them. */
  readonly kept: readonly KeptValue[];
}

/** What decides the bits of a value beside the file. */
export type Computed = (
  | { readonly operators: 'as written' }
  | {
      readonly operators: 'fused';
      readonly outputs: readonly string[];
      /** Where it is not the highest. */
      readonly optimization?: Optimization;
    }
) & {
  /** Of the graph's input, which is kept as it is fed; earlier versions lost it after the first calls. */
  readonly fed?: true;
  /** Images in one call of the runtime, where they are not as many as for other networks. */
  readonly batch?: number;
  /** Where it depends on random numbers. */
  readonly trials?: { readonly count: number; readonly seed: number };
  /** Where it was not the CPU. */
  readonly execution?: Execution;
};

interface Fused {
  /** Values that are computed with fused operators. */
  readonly fused: ReadonlySet<string>;
  /** They and the values at which their ways part: outputs wherever they are computed. */
  readonly outputs: ReadonlySet<string>;
}

const known = new WeakMap<Model, Map<string, Fused>>();

function fusedValues(model: Model, card: ModelCard): Fused {
  const ofModel = known.get(model) ?? new Map<string, Fused>();
  known.set(model, ofModel);
  const written = writtenLayers(card);
  const key = JSON.stringify([card.layers, written]);
  const found = ofModel.get(key);
  if (found) return found;
  const named = [...candidateLayers(model, card), ...candidateLayers(model, { layers: written })];
  const fused = new Set(named.flatMap(({ value }) => value ?? []));
  const made = { fused, outputs: new Set([...fused, ...partings(model, fused)]) };
  ofModel.set(key, made);
  return made;
}

/** Layers that a card's author names for tasks and regions. One that a map chose does not move the others. */
function writtenLayers(card: ModelCard): string[] {
  const { readout = [], logits, region_layer_map = {}, region_layer_choice = {} } = card;
  const steps = Object.values(card.time_bins ?? {}).flat();
  const regions = Object.entries(region_layer_map)
    .filter(([region]) => !(region in region_layer_choice))
    .map(([, layers]) => layers);
  const own = 'behavior' in region_layer_choice ? [] : readout;
  return [own, logits?.layer ?? [], ...regions, steps.map(({ layer }) => layer)].flat();
}

/** The minimum passes for some values, each value in the one that determines its bits. */
export function passesOf(model: Model, card: ModelCard, kept: readonly KeptValue[]): Pass[] {
  const { fused } = fusedValues(model, card);
  const distinct = [...new Map(kept.map((each) => [each.id, each])).values()];
  const passOf = (operators: Pass['operators']): Pass => {
    const own = distinct.filter(({ value }) => fused.has(value) === (operators === 'fused'));
    return { operators, values: [...new Set(own.map(({ value }) => value))], kept: own };
  };
  return [passOf('fused'), passOf('as written')].filter(({ values }) => values.length > 0);
}

/** The outputs of the graph in a pass. */
export function outputsOf(
  model: Model,
  card: ModelCard,
  { operators, values }: Pick<Pass, 'operators' | 'values'>,
): string[] {
  if (operators === 'as written') return [...values];
  const computed = ancestorValues(model, values);
  const others = [...fusedValues(model, card).outputs].filter((value) => computed.has(value));
  return [...new Set([...values, ...others])];
}

/** Opens the graph of a pass on what runs the network: the CPU unless its file says another provider. */
export function openPass(
  { execution, optimization, model, name }: ModelFile,
  card: ModelCard,
  pass: Pick<Pass, 'operators' | 'values'>,
  threads?: number,
): Promise<Session> {
  return Session.open(exposeValues(model, outputsOf(model, card, pass)), {
    ...{ name, operators: pass.operators, tf32: execution?.precision === 'tf32' },
    ...present({ threads, optimization, provider: execution?.provider }),
  });
}

/** The outputs of a pass over all values that are computed with fused operators. */
export function fusedOutputs(model: Model, card: ModelCard): string[] {
  return [...fusedValues(model, card).outputs].sort();
}

/** What decides the bits of a value beside the file: it belongs to the inputs of a score. */
export function computedAs(
  { model, optimization, execution }: Pick<ModelFile, 'model' | 'optimization' | 'execution'>,
  card: ModelCard,
  value: string,
): Computed {
  const { fused, outputs } = fusedValues(model, card);
  const fed = model.graph.inputs.some(({ name }) => name === value) ? ({ fed: true } as const) : {};
  const batch = batchOf(model);
  const how = {
    ...present({ trials: trialsOf(model, card, value), execution }),
    ...(batch === BATCH ? {} : { batch }),
    ...fed,
  };
  if (!fused.has(value)) return { operators: 'as written', ...how };
  const computed = ancestorValues(model, [value]);
  return {
    operators: 'fused',
    outputs: [...outputs].filter((each) => computed.has(each)).sort(),
    ...present({ optimization }),
    ...how,
  };
}

/**
 * Values whose readers lead to different candidates. What is read by one operator may be fused with it, and
 * a run leaves out the operators of candidates that it does not compute: unless such a value is an output,
 * the bits of one candidate depend on whether the other is computed too.
 */
function partings(model: Model, candidates: ReadonlySet<string>): string[] {
  if (candidates.size > MOST_CANDIDATES) return everyParting(model);
  const leadsTo = new Map([...candidates].map((value, i) => [value, 1n << BigInt(i)]));
  const ofFirstReader = new Map<string, bigint>();
  const parting = new Set<string>();
  for (const node of [...model.graph.nodes].reverse()) {
    const ends = node.outputs.reduce((bits, name) => bits | (leadsTo.get(name) ?? 0n), 0n);
    if (ends === 0n) continue;
    for (const name of nodeReads(node)) {
      const first = ofFirstReader.get(name);
      if (first === undefined) ofFirstReader.set(name, ends);
      else if (first !== ends) parting.add(name);
      leadsTo.set(name, (leadsTo.get(name) ?? 0n) | ends);
    }
  }
  const depths = valueDepths(model);
  const given = new Set(model.graph.inputs.map(({ name }) => name));
  return [...parting].filter((name) => depths.has(name) && !given.has(name));
}

/** More than any network has; sets of more take memory that grows with their square. */
const MOST_CANDIDATES = 8192;

/** Values that several operators read, wherever they lead. */
function everyParting(model: Model): string[] {
  const readers = new Map<string, number>();
  for (const node of model.graph.nodes)
    for (const name of nodeReads(node)) readers.set(name, (readers.get(name) ?? 0) + 1);
  const depths = valueDepths(model);
  const given = new Set(model.graph.inputs.map(({ name }) => name));
  return [...readers]
    .filter(([name, count]) => count > 1 && depths.has(name) && !given.has(name))
    .map(([name]) => name);
}
