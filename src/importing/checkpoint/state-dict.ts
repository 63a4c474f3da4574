import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { Checkpoint, StoredTensor } from '../source/checkpoint.js';
import { shortened } from '../source/checkpoint-fault.js';
import { printable } from '../source/printable.js';
import {
  areEqual,
  bestPrefixes,
  choosePrefix,
  isOnlyWrappers,
  type LeftOut,
  type NameOptions,
  nameFor,
  type Read,
  withoutIgnored,
  withoutInner,
} from './choose-prefix.js';

/** A state dict under the names that a network has for its parts. */
export interface NamedState {
  /** Tensors by the network's names; those that the network does not have stand here too, prefix stripped. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** How the file calls each of them. */
  readonly storedNames: ReadonlyMap<string, string>;
  /** Stripped prefix, such as `module.model.efnet_model.`; may be empty. */
  readonly prefix: string;
  /** Says what was stripped or taken, where it is no wrapper of a known library. */
  readonly notes: readonly string[];
  /** The normalization that `robustness` keeps inside its networks, one number a channel. */
  readonly normalizer?: { readonly mean: readonly number[]; readonly std: readonly number[] };
  /** Stored names that are no part of the network, such as the normalizer or the attacker's copy, and why. */
  readonly leftOut: readonly LeftOut[];
}

const ofAttacker = /^(?:(?:module|model|_orig_mod)\.)*attacker\.model\./;
const ofNormalizer = /^(?:(?:module|model|_orig_mod|attacker)\.)*normalizer?\.new_(mean|std)$/;
const mostChannels = 1024;

/**
 * Gives the tensors of a checkpoint the names of a network: of the prefixes that wrappers add, a user's own class
 * included (`efnet_model.`), the one is stripped with which most names fall onto names of the network.
 * @param wanted names that the network has
 * Throws `checkpoint-unmatched` where two tensors that differ fall onto one name, or names fit under several
 * prefixes alike; `bad-usage` for a prefix or glob that fits no name, and for a moving average that is not there.
 */
export async function stateNames(
  checkpoint: Checkpoint,
  wanted: ReadonlySet<string>,
  options: NameOptions = {},
): Promise<NamedState> {
  const { kept, ignored } = withoutIgnored(checkpoint, options.ignore ?? []);
  const isNormalizer = ({ name, stored }: Read) =>
    ofNormalizer.test(name) && !wanted.has(name) && isShort(checkpoint.tensors.get(stored));
  const names = withoutInner(kept, wanted);
  const normalizers = names.filter(isNormalizer);
  const parts = names.filter((each) => !isNormalizer(each));
  // With a prefix that is given nothing else is looked for.
  const isCopy = ({ name }: Read) => options.prefix === undefined && ofAttacker.test(name);
  const copies = parts.filter(isCopy);
  const own = parts.filter((each) => !isCopy(each));
  const collected = new CollectedNames(checkpoint);
  const chosen = await choosePrefix(checkpoint, own, wanted, options);
  // The attacker's copy comes last: where the network itself is there, it is what counts.
  const ofCopies = bestPrefixes(copies, wanted)[0]?.prefix ?? '';
  const prefix = chosen.prefix ?? ofCopies;
  for (const { name, stored } of chosen.read) {
    await collected.add(nameFor(name, prefix, wanted), stored);
  }
  for (const { name, stored } of copies) {
    const short = nameFor(name, ofCopies, wanted);
    await collected.add(collected.has(short) ? short : nameFor(name, prefix, wanted), stored);
  }
  const normalizer = await normalizerOf(checkpoint, normalizers);
  const because = (why: string) => (key: string) => ({ key, why });
  return {
    tensors: collected.tensors,
    storedNames: collected.storedNames,
    prefix,
    ...present({ normalizer }),
    notes: [...noteOf(prefix), ...chosen.notes],
    leftOut: [
      ...ignored,
      ...chosen.leftOut,
      ...normalizers.map(({ stored }) => stored).map(because('normalises the input')),
      ...collected.doubled.map(because('the same tensor again')),
    ],
  };
}

const noteOf = (prefix: string) =>
  isOnlyWrappers(prefix)
    ? []
    : [`names are read without their prefix ${printable(shortened(prefix))}`];

const isShort = (tensor: StoredTensor | undefined) =>
  (tensor?.dims ?? []).reduce((product, dim) => product * dim, 1) <= mostChannels;

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

async function normalizerOf(
  checkpoint: Checkpoint,
  names: readonly Read[],
): Promise<NamedState['normalizer']> {
  const collected = new CollectedNames(checkpoint);
  for (const { name, stored } of names) {
    await collected.add(ofNormalizer.exec(name)?.[1] as string, stored);
  }
  const values = async (name: string) =>
    Array.from((await collected.tensors.get(name)?.read()) ?? [], Number);
  const [mean, std] = [await values('mean'), await values('std')];
  return mean.length > 0 && mean.length === std.length ? { mean, std } : undefined;
}
