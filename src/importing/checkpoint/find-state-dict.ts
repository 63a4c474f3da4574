import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import {
  describeValue,
  PickleDict,
  type PickleValue,
  TensorReference,
} from '../pickle/pickle-values.js';
import type { TrainingProgress } from '../source/checkpoint.js';
import { type CheckpointPlace, refuseCheckpoint, shortened } from '../source/checkpoint-fault.js';
import { NumpyArray } from '../tensor/numpy-array.js';

/**
 * Names under which training scripts keep a state dict, in the order of preference: the trained weights before
 * their moving averages, so that one file always gives the same network; `key` chooses otherwise.
 */
const stateDictKeys = [
  'state_dict',
  'model_state_dict',
  'model_state',
  'model',
  'net',
  'network',
  'params',
  'weights',
  'module',
  'state_dict_ema',
  'model_ema',
  'ema_state_dict',
  'params_ema',
  'ema',
] as const;

/** The tensors that were chosen from a checkpoint. */
export interface FoundStateDict {
  readonly path: string;
  readonly tensors: Tensors;
  /** Paths of the other state dicts that the file holds. */
  readonly others: readonly string[];
  /** Whether its name says that it is a moving average. */
  readonly averaged: boolean;
  readonly progress: TrainingProgress;
}

/** Which of several state dicts is wanted. */
export interface WhichStateDict {
  /** Its path, such as `ema` or `ema.state_dict`. */
  readonly key?: string | undefined;
  /** The moving average, if the file has one beside the weights. */
  readonly ema?: boolean | undefined;
}

/** Names of moving averages of weights: `model_ema`, `ema.state_dict`, `averaged_model`. */
const ofAverage = /(^|[._-])(ema|swa|averaged?)($|[._-])/i;

/** Whether a path or prefix says that weights are a moving average. */
export const isAverage = (path: string): boolean => ofAverage.test(path);

/**
 * The state dict in what a checkpoint holds: the dictionary itself or one that it holds, one or two deep.
 * Throws `checkpoint-invalid` where there is none or several may be meant.
 */
export function findStateDict(
  root: PickleValue,
  place: CheckpointPlace,
  { key, ema }: WhichStateDict,
): FoundStateDict {
  if (!(root instanceof PickleDict)) {
    refuseCheckpoint(place, 'a dictionary of tensors (a state dict)', describeValue(root));
  }
  const found = candidates(root);
  const path = key ?? (ema ? averageOf(found, place) : undefined) ?? choose(found, place);
  const tensors = key === undefined ? found.get(path) : tensorsOf(at(root, key));
  if (tensors === undefined || tensors.size === 0) return refuseKey(path, found, place);
  const others = [...found.keys()].filter((other) => other !== path && other !== '');
  return { path, tensors, others, averaged: isAverage(path), progress: progressOf(root) };
}

/** Counters as Lightning (`global_step`), timm (`epoch`) and most scripts keep them beside the state dict. */
function progressOf(root: PickleDict): TrainingProgress {
  const counted = (...names: readonly string[]) =>
    names
      .map((name) => root.get(name))
      .find((value): value is number => Number.isSafeInteger(value) && Number(value) >= 0);
  return present({
    step: counted('global_step', 'step', 'iteration', 'iter', 'num_updates'),
    epoch: counted('epoch'),
  });
}

/** The one moving average among state dicts; undefined if there is none: names within one may tell it. */
function averageOf(
  found: ReadonlyMap<string, Tensors>,
  place: CheckpointPlace,
): string | undefined {
  const paths = [...found.keys()].filter(isAverage);
  const most = Math.max(0, ...paths.map((path) => found.get(path)?.size ?? 0));
  // Counters and decays stand in dictionaries of their own beside the weights.
  const whole = paths.filter((path) => found.get(path)?.size === most);
  if (whole.length <= 1) return whole[0];
  const names = whole.slice(0, 8).map((path) => `"${shortened(path)}"`);
  return refuseCheckpoint(
    place,
    'one moving average (--key PATH chooses)',
    `several: ${names.join(', ')}`,
  );
}

type Tensors = ReadonlyMap<string, TensorReference>;

/** What dictionaries hold of tensors, by their paths; each once, two deep, what trainers keep left out. */
function candidates(root: PickleDict): Map<string, Tensors> {
  const found = new Map<string, Tensors>();
  const seen = new Set<PickleDict>([root]);
  let level: [string, PickleDict][] = [['', root]];
  for (let depth = 0; depth <= 2; depth++) {
    for (const [path, dict] of level) {
      const tensors = tensorsOf(dict);
      if (tensors.size > 0) found.set(path, tensors);
    }
    level = level.flatMap(([path, dict]) => inside(dict, path, seen));
  }
  return found;
}

function inside(dict: PickleDict, path: string, seen: Set<PickleDict>): [string, PickleDict][] {
  const result: [string, PickleDict][] = [];
  for (const [key, value] of dict.entries()) {
    const isTraining = typeof key !== 'string' || /optim|sched|scaler/i.test(key);
    if (isTraining || !(value instanceof PickleDict) || seen.has(value)) continue;
    seen.add(value);
    result.push([path === '' ? key : `${path}.${key}`, value]);
  }
  return result;
}

function choose(found: ReadonlyMap<string, Tensors>, place: CheckpointPlace): string {
  const nested = [...found.keys()].filter((path) => path !== '');
  const known = nested.filter((path) => rank(path) < Infinity).sort((a, b) => rank(a) - rank(b));
  if (known.length > 0) return known[0];
  const own = found.get('')?.size ?? 0;
  // Single tensors beside a state dict are, for example, the best accuracy.
  const larger = nested.filter((path) => (found.get(path)?.size ?? 0) > own);
  if (larger.length === 0 && own > 0) return '';
  if (larger.length === 1) return larger[0];
  if (larger.length === 0) refuseCheckpoint(place, 'a state dict', 'no tensor in it');
  const names = larger.slice(0, 8).map((path) => `"${shortened(path)}"`);
  return refuseCheckpoint(place, 'one state dict (--key PATH chooses)', names.join(', '));
}

/** The place of a path in the order of preference: those of one part first. */
function rank(path: string): number {
  const ranks = path.split('.').map((part) => stateDictKeys.indexOf(part as never));
  return ranks.includes(-1) ? Infinity : ranks[0] + ranks.length * stateDictKeys.length;
}

/** The dictionary at a path, whose keys may have dots themselves. */
function at(dict: PickleDict, path: string): PickleDict | undefined {
  const whole = dict.get(path);
  if (whole instanceof PickleDict) return whole;
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    const next = dict.get(path.slice(0, dot));
    const rest = next instanceof PickleDict ? at(next, path.slice(dot + 1)) : undefined;
    if (rest !== undefined) return rest;
  }
  return undefined;
}

function tensorsOf(dict: PickleDict | undefined): Tensors {
  const tensors = new Map<string, TensorReference>();
  for (const [name, value] of dict?.entries() ?? []) {
    if (typeof name !== 'string') continue;
    const tensor = value instanceof NumpyArray ? value.reference : value;
    if (tensor instanceof TensorReference) tensors.set(name, tensor);
  }
  return tensors;
}

function refuseKey(
  key: string,
  found: ReadonlyMap<string, Tensors>,
  place: CheckpointPlace,
): never {
  const names = [...found.keys()].slice(0, 8);
  const there = names.map((path) => (path === '' ? 'the whole file' : `"${shortened(path)}"`));
  const has = there.length === 0 ? 'it has none' : `it has ${there.join(', ')}`;
  const message = `${place.file}: no state dict under "${shortened(key)}"; ${has}`;
  const said = { field: key, expected: 'a state dict', found: has };
  throw new VentralError('checkpoint-invalid', message, { ...place, ...said });
}
