import { VentralError } from '../../errors/ventral-error.js';
import { globOf } from '../../onnx/glob.js';
import type { Checkpoint, StoredTensor } from '../source/checkpoint.js';
import { shortened } from '../source/checkpoint-fault.js';
import { printable } from '../source/printable.js';
import { isAverage } from './find-state-dict.js';
import { beginnings } from './key-table.js';

/** A stored name that is left out, and why. */
export interface LeftOut {
  readonly key: string;
  readonly why: string;
}

/** What is said about the names in a file. */
export interface NameOptions {
  /** Only names under it are read, without it. */
  readonly prefix?: string | undefined;
  /** Globs over stored names that are left out. */
  readonly ignore?: readonly string[] | undefined;
  /** Whether the moving average is wanted. */
  readonly ema?: boolean | undefined;
}

/** What wrappers put before names: DataParallel, torch.compile, FSDP, `robustness`'s AttackerModel and Attacker. */
const wrappers =
  '(?:module|model|_orig_mod|attacker|_fsdp_wrapped_module|_fpw_module|_checkpoint_wrapped_module)\\.';
const wrapper = new RegExp(`^${wrappers}`);
const leading = new RegExp(`^(?:${wrappers})*`);
/** What wrappers of single modules put into the midst of names: FSDP, recomputed activations, torch.compile, DataParallel. */
const inner =
  /\b(?:module|_orig_mod|_fsdp_wrapped_module|_fpw_module|_checkpoint_wrapped_module)\./g;
/** Wrappers around wrappers that are looked through. */
const mostWrappers = 8;
/** Parts of a name that may be a prefix. */
const mostParts = 16;

/** Whether a prefix is made of the wrappers of known libraries alone. */
export const isOnlyWrappers = (prefix: string): boolean => prefix.replace(leading, '') === '';

/** A name as the file has it, and without what wrappers of single modules put into it. */
export interface Read {
  readonly stored: string;
  readonly name: string;
}

/**
 * Leaves out the names that globs fit.
 * @throws VentralError `bad-usage` for a glob that is none, or that fits no name
 */
export function withoutIgnored(
  { file, tensors }: Checkpoint,
  globs: readonly string[],
): { kept: string[]; ignored: LeftOut[] } {
  const patterns = globs.map((glob) => {
    const fits = globOf(glob);
    if (!fits || ![...tensors.keys()].some(fits)) {
      const why = fits ? 'fits no tensor of the file' : 'is no glob';
      const message = `${file}: --ignore ${shortened(glob)} ${why}; its names begin with ${beginnings(tensors.keys())}`;
      throw new VentralError('bad-usage', message, { file, field: 'ignore', found: glob });
    }
    return { glob, fits };
  });
  const kept: string[] = [];
  const ignored: LeftOut[] = [];
  for (const key of tensors.keys()) {
    const pattern = patterns.find(({ fits }) => fits(key));
    if (pattern) ignored.push({ key, why: `left out by --ignore ${pattern.glob}` });
    else kept.push(key);
  }
  return { kept, ignored };
}

/** Names without what wraps single modules of them, unless the network itself has modules of such names. */
export function withoutInner(
  names: readonly string[],
  wanted: ReadonlySet<string>,
): readonly Read[] {
  const own = new Set([...wanted].flatMap((name) => name.match(inner) ?? []));
  return names.map((stored) => {
    const front = leading.exec(stored)?.[0] ?? '';
    const rest = stored.slice(front.length);
    return { stored, name: front + rest.replace(inner, (part) => (own.has(part) ? part : '')) };
  });
}

/** Which prefix is stripped, and which names are read at all. */
interface Chosen {
  readonly prefix: string | undefined;
  readonly read: readonly Read[];
  readonly leftOut: readonly LeftOut[];
  readonly notes: readonly string[];
}

/**
 * The prefix with which most names are wanted, unless one is given, and what stands under others.
 * @throws VentralError `checkpoint-unmatched` where two are as good, and `bad-usage` for one that is not there
 */
export async function choosePrefix(
  checkpoint: Checkpoint,
  names: readonly Read[],
  wanted: ReadonlySet<string>,
  { prefix, ema }: NameOptions,
): Promise<Chosen> {
  if (prefix !== undefined) return underPrefix(checkpoint, names, prefix);
  const all = bestPrefixes(names, wanted);
  // A prefix with which a few names happen to be wanted is no network beside one.
  const least = (all[0]?.hits ?? 0) / 2;
  const averages = all.filter(({ prefix: each, hits }) => isAverage(each) && hits >= least);
  const others = all.filter(({ prefix: each, hits }) => !isAverage(each) && hits >= least);
  if (ema && !checkpoint.averaged) {
    const [average] = averages;
    if (!average) throw noAverage(checkpoint, names);
    const plain = others.slice(0, 1).map((each) => each.prefix);
    return apart(
      names,
      wanted,
      average.prefix,
      plain,
      'the weights, of which --ema took the average',
    );
  }
  const [best] = others.length > 0 ? others : averages;
  if (best === undefined) return { prefix: undefined, read: names, leftOut: [], notes: [] };
  const rivals = rivalsOf(best, others, wanted);
  for (const rival of rivals) await requireSame(checkpoint, names, wanted, [best.prefix, rival]);
  const equal = apart(names, wanted, best.prefix, rivals, 'the same tensor again');
  if (others.length === 0) return equal;
  const rest = averages.map((each) => each.prefix);
  const why = 'the moving average, which --ema takes';
  const found = apart(equal.read, wanted, best.prefix, rest, why);
  const leftOut = [...equal.leftOut, ...found.leftOut];
  const said = `the file has a moving average of the weights too, under ${printable(shortened(rest[0] ?? ''))}: --ema takes it`;
  return { ...found, leftOut, notes: found.leftOut.length > 0 ? [said] : [] };
}

interface Fitting {
  readonly prefix: string;
  /** How many names are wanted without it. */
  readonly hits: number;
}

/** Prefixes with which as much of a network is there. Wrappers are looked through name by name. */
function rivalsOf(
  best: Fitting,
  others: readonly Fitting[],
  wanted: ReadonlySet<string>,
): readonly string[] {
  if (best.hits * 2 < wanted.size || isOnlyWrappers(best.prefix)) return [];
  return others
    .filter(({ prefix, hits }) => hits === best.hits && prefix !== best.prefix)
    .map(({ prefix }) => prefix)
    .filter((prefix) => !isOnlyWrappers(prefix));
}

/** Leaves out what is wanted under other prefixes, and not under this one. */
function apart(
  names: readonly Read[],
  wanted: ReadonlySet<string>,
  prefix: string,
  others: readonly string[],
  why: string,
): Chosen {
  const isWanted = (name: string, under: string) =>
    name.startsWith(under) && wanted.has(name.slice(under.length));
  const isOther = ({ name }: Read) =>
    !isWanted(name, prefix) && others.some((other) => isWanted(name, other));
  return {
    prefix,
    read: names.filter((each) => !isOther(each)),
    leftOut: names.filter(isOther).map(({ stored }) => ({ key: stored, why })),
    notes: [],
  };
}

/** @throws VentralError `bad-usage` for a prefix that no name has */
function underPrefix(checkpoint: Checkpoint, names: readonly Read[], given: string): Chosen {
  const dotted = given === '' || given.endsWith('.') ? given : `${given}.`;
  const under = ({ name, stored }: Read, prefix: string) =>
    [name, stored, name.replace(leading, '')].find((each) => each.startsWith(prefix));
  const has = (prefix: string) => names.some((each) => under(each, prefix) !== undefined);
  const prefix = has(dotted) ? dotted : given;
  if (!has(prefix)) {
    const { file } = checkpoint;
    const message = `${file}: no tensor stands under --prefix ${shortened(given)}; its names begin with ${beginnings(checkpoint.tensors.keys())}`;
    throw new VentralError('bad-usage', message, { file, field: 'prefix', found: given });
  }
  const read: Read[] = [];
  const leftOut: LeftOut[] = [];
  for (const each of names) {
    const { stored } = each;
    const name = under(each, prefix);
    if (name === undefined) leftOut.push({ key: stored, why: `outside --prefix ${given}` });
    else read.push({ stored, name });
  }
  return { prefix, read, leftOut, notes: [] };
}

function noAverage({ file, path, others = [] }: Checkpoint, names: readonly Read[]): VentralError {
  const dictionaries = [path, ...others].filter((each) => each !== '').slice(0, 8);
  const found =
    dictionaries.length > 0
      ? `state dicts ${dictionaries.map((each) => `"${printable(shortened(each))}"`).join(', ')}`
      : `one state dict, whose names begin with ${beginnings(names.map(({ stored }) => stored))}`;
  return new VentralError(
    'bad-usage',
    `${file}: --ema: none of its names says that it is a moving average; it holds ${found} (--key and --prefix choose)`,
    { file, field: 'ema', expected: 'a moving average', found },
  );
}

/**
 * Two prefixes under which as many names fit may be two names of one network, whose tensors are the same.
 * @throws VentralError `checkpoint-unmatched` where they are not
 */
async function requireSame(
  { file, tensors }: Checkpoint,
  names: readonly Read[],
  wanted: ReadonlySet<string>,
  prefixes: readonly string[],
): Promise<void> {
  const stored = new Map(names.map((each) => [each.name, each.stored]));
  const tensor = (name: string) => tensors.get(stored.get(name) ?? '');
  for (const name of wanted) {
    const [a, b] = prefixes.map((prefix) => tensor(prefix + name));
    if (a && b && (await areEqual(a, b))) continue;
    if (!a && !b) continue;
    const [one, other] = prefixes.map((each) => printable(shortened(each)));
    throw new VentralError(
      'checkpoint-unmatched',
      `${file}: its names fit the network under ${one} and under ${other} alike, and the tensors differ: --prefix chooses`,
      { file, field: 'prefix', expected: 'one prefix', found: `${one}, ${other}` },
    );
  }
}

/** A name with no wrapper prefix removed, with one, with two … */
function withoutWrappers(name: string): { prefix: string; rest: string }[] {
  const forms = [{ prefix: '', rest: name }];
  for (let count = 0; count < mostWrappers; count++) {
    const { prefix, rest } = forms[forms.length - 1];
    const next = wrapper.exec(rest)?.[0];
    if (next === undefined) break;
    forms.push({ prefix: prefix + next, rest: rest.slice(next.length) });
  }
  return forms;
}

/** Prefixes with which names are wanted, that of most first, the shorter of several. */
export function bestPrefixes(
  names: readonly Read[],
  wanted: ReadonlySet<string>,
): readonly Fitting[] {
  const hits = new Map<string, number>();
  for (const { name } of names) {
    let at = 0;
    for (let part = 0; part < mostParts; part++) {
      if (wanted.has(name.slice(at))) {
        const prefix = name.slice(0, at);
        hits.set(prefix, (hits.get(prefix) ?? 0) + 1);
      }
      const dot = name.indexOf('.', at);
      if (dot < 0) break;
      at = dot + 1;
    }
  }
  return [...hits]
    .map(([prefix, count]) => ({ prefix, hits: count }))
    .sort((a, b) => b.hits - a.hits || a.prefix.length - b.prefix.length);
}

/** A name without the prefix, or without the wrappers before a name of the network. */
export function nameFor(name: string, prefix: string, wanted: ReadonlySet<string>): string {
  if (name.startsWith(prefix) && prefix !== '') return name.slice(prefix.length);
  return withoutWrappers(name).find(({ rest }) => wanted.has(rest))?.rest ?? name;
}

/** Whether two tensors hold the same numbers in the same type. */
export async function areEqual(a: StoredTensor, b: StoredTensor): Promise<boolean> {
  if (a.dtype !== b.dtype || a.dims.join() !== b.dims.join()) return false;
  const [x, y] = [await a.read(), await b.read()];
  const bytes = ({ buffer, byteOffset, byteLength }: typeof x) =>
    Buffer.from(buffer, byteOffset, byteLength);
  return bytes(x).equals(bytes(y));
}
