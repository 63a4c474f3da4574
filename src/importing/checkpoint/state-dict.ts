import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Checkpoint, StoredTensor } from '../source/checkpoint.js';
import { shortened } from '../source/checkpoint-fault.js';
import { printable } from '../source/printable.js';

/** A state dict under the names that a network has for its parts. */
export interface NamedState {
  /** Tensors by the network's names; those that the network does not have stand here too, prefix stripped. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** How the file calls each of them. */
  readonly storedNames: ReadonlyMap<string, string>;
  /** Stripped prefix, such as `module.model.efnet_model.`; may be empty. */
  readonly prefix: string;
  /** Says what was stripped, where it is no wrapper of a known library. */
  readonly note?: string;
  /** The normalization that `robustness` keeps inside its networks, one number a channel. */
  readonly normalizer?: { readonly mean: readonly number[]; readonly std: readonly number[] };
  /** Stored names that are no part of the network: the normalizer, and the attacker's copy of everything. */
  readonly leftOut: readonly string[];
}

/** What wrappers put before names: DataParallel, torch.compile, `robustness`'s AttackerModel and Attacker. */
const wrapper = /^(?:module|model|_orig_mod|attacker)\./;
const onlyWrappers = /^(?:(?:module|model|_orig_mod|attacker)\.)*$/;
const ofAttacker = /^(?:(?:module|model|_orig_mod)\.)*attacker\.model\./;
const ofNormalizer = /^(?:(?:module|model|_orig_mod|attacker)\.)*normalizer?\.new_(mean|std)$/;
/** Wrappers around wrappers that are looked through. */
const mostWrappers = 8;
/** Parts of a name that may be a prefix. */
const mostParts = 16;
const mostChannels = 1024;

/**
 * Gives the tensors of a checkpoint the names of a network: of the prefixes that wrappers add, a user's own class
 * included (`efnet_model.`), the one is stripped with which most names fall onto names of the network.
 * @param wanted names that the network has
 * Throws `checkpoint-unmatched` where two tensors that differ fall onto one name.
 */
export async function stateNames(
  checkpoint: Checkpoint,
  wanted: ReadonlySet<string>,
): Promise<NamedState> {
  const stored = [...checkpoint.tensors.keys()];
  const isNormalizer = (name: string) =>
    ofNormalizer.test(name) && !wanted.has(name) && isShort(checkpoint.tensors.get(name));
  const normalizers = stored.filter(isNormalizer);
  const parts = stored.filter((name) => !isNormalizer(name));
  const copies = parts.filter((name) => ofAttacker.test(name));
  const own = parts.filter((name) => !ofAttacker.test(name));
  // The attacker's copy comes last: where the network itself is there, it is what counts.
  const ofCopies = bestPrefix(copies, wanted) ?? '';
  const prefix = bestPrefix(own, wanted) ?? ofCopies;
  const collected = new CollectedNames(checkpoint);
  for (const name of own) await collected.add(nameFor(name, prefix, wanted), name);
  for (const name of copies) {
    const short = nameFor(name, ofCopies, wanted);
    await collected.add(collected.has(short) ? short : nameFor(name, prefix, wanted), name);
  }
  const normalizer = await normalizerOf(checkpoint, normalizers);
  return {
    tensors: collected.tensors,
    storedNames: collected.storedNames,
    prefix,
    ...present({ normalizer, note: noteOf(prefix) }),
    leftOut: [...normalizers, ...collected.doubled],
  };
}

const noteOf = (prefix: string) =>
  onlyWrappers.test(prefix)
    ? undefined
    : `names are read without their prefix ${printable(shortened(prefix))}`;

const isShort = (tensor: StoredTensor | undefined) =>
  (tensor?.dims ?? []).reduce((product, dim) => product * dim, 1) <= mostChannels;

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

/** The prefix with which most names are wanted, the shortest of several; undefined if none is. */
function bestPrefix(names: readonly string[], wanted: ReadonlySet<string>): string | undefined {
  const hits = new Map<string, number>();
  for (const name of names) {
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
  const ranked = [...hits].sort(([a, of], [b, than]) => than - of || a.length - b.length);
  return ranked[0]?.[0];
}

function nameFor(name: string, prefix: string, wanted: ReadonlySet<string>): string {
  if (name.startsWith(prefix) && prefix !== '') return name.slice(prefix.length);
  return withoutWrappers(name).find(({ rest }) => wanted.has(rest))?.rest ?? name;
}

/** Tensors under new names, each name once. */
class CollectedNames {
  readonly tensors = new Map<string, StoredTensor>();
  readonly storedNames = new Map<string, string>();
  /** Stored names whose tensor was there already. */
  readonly doubled: string[] = [];

  constructor(readonly checkpoint: Checkpoint) {}

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  async add(name: string, storedName: string): Promise<void> {
    const tensor = this.checkpoint.tensors.get(storedName) as StoredTensor;
    const there = this.tensors.get(name);
    if (there === undefined) {
      this.tensors.set(name, tensor);
      this.storedNames.set(name, storedName);
      return;
    }
    if (!(await areEqual(there, tensor))) {
      this.#refuse(name, this.storedNames.get(name) as string, storedName);
    }
    this.doubled.push(storedName);
  }

  #refuse(name: string, first: string, second: string): never {
    const { file } = this.checkpoint;
    throw new VentralError(
      'checkpoint-unmatched',
      `${file}: ${shortened(first)} and ${shortened(second)} both give ${shortened(name)} and differ`,
      {
        file,
        field: shortened(name),
        expected: 'one tensor for each name',
        found: 'two that differ',
      },
    );
  }
}

async function areEqual(a: StoredTensor, b: StoredTensor): Promise<boolean> {
  if (a.dtype !== b.dtype || a.dims.join() !== b.dims.join()) return false;
  const [x, y] = [await a.read(), await b.read()];
  const bytes = ({ buffer, byteOffset, byteLength }: typeof x) =>
    Buffer.from(buffer, byteOffset, byteLength);
  return bytes(x).equals(bytes(y));
}

async function normalizerOf(
  checkpoint: Checkpoint,
  names: readonly string[],
): Promise<NamedState['normalizer']> {
  const collected = new CollectedNames(checkpoint);
  for (const name of names) await collected.add(ofNormalizer.exec(name)?.[1] as string, name);
  const values = async (name: string) =>
    Array.from((await collected.tensors.get(name)?.read()) ?? [], Number);
  const [mean, std] = [await values('mean'), await values('std')];
  return mean.length > 0 && mean.length === std.length ? { mean, std } : undefined;
}
