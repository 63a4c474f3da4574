import { VentralError } from '../../errors/ventral-error.js';
import { shortened } from '../source/checkpoint-fault.js';
import { printable } from '../source/printable.js';

/** A tensor of another shape than the network's. */
export interface MisshapenKey {
  readonly key: string;
  readonly expected: readonly number[];
  readonly found: readonly number[];
}

/** How the tensors of a checkpoint fit the weights of a network, under the names of the checkpoint. */
export interface KeyTable {
  /** Tensors that the network has. */
  readonly total: number;
  /** Those of them that the checkpoint gives. */
  readonly loaded: number;
  readonly missing: readonly string[];
  readonly misshapen: readonly MisshapenKey[];
  /** Tensors that the network has no place for. */
  readonly unexpected: readonly string[];
  /** Tensors that are left out knowingly, and why. */
  readonly ignored: readonly { readonly key: string; readonly why: string }[];
}

/** Names of heads in PyTorch's model libraries: a feature extractor lacks only the classifier. */
const HEAD = /^(_?fc|classifier|head|heads|linear|last_linear|aux\d?|AuxLogits)(\.|$)/;

/**
 * Sorts tensors that found no place: what trainings keep beside weights, and a head that the graph does
 * not have, are left out; anything else is unexpected.
 * @param modules first parts of the paths of the graph's modules
 * @param head path of a head that was left out as asked
 */
export function sortLeftover(
  keys: readonly string[],
  modules: ReadonlySet<string>,
  head?: string,
): Pick<KeyTable, 'unexpected' | 'ignored'> {
  const unexpected: string[] = [];
  const ignored: { key: string; why: string }[] = [];
  for (const key of keys) {
    const isHead = head !== undefined && head !== '' && key.startsWith(`${head}.`);
    const why = isHead ? 'the head, left out as asked' : reasonToIgnore(key, modules);
    if (why === undefined) unexpected.push(key);
    else ignored.push({ key, why });
  }
  return { unexpected, ignored };
}

function reasonToIgnore(key: string, modules: ReadonlySet<string>): string | undefined {
  if (/(^|\.)num_batches_tracked$/.test(key)) return 'counts batches of the training';
  if (/(^|\.)normalizer\./.test(key)) return 'normalises the input';
  if (/(^|\.)attacker\./.test(key)) return 'belongs to the attacker of an adversarial training';
  if (/^(optimizer|scheduler|scaler)\./.test(key)) return 'belongs to the training';
  if (/^(n_averaged|initted|step)$/.test(key)) return 'counts steps of the training';
  if (/^(criterion|loss(_f(n|unc(tion)?))?)\./.test(key) && !modules.has(key.split('.')[0]))
    return 'belongs to the loss of the training';
  const head = HEAD.exec(key);
  if (head !== null && !modules.has(key.split('.')[0]))
    return 'a head that the graph does not have';
  return undefined;
}

/**
 * @throws VentralError `checkpoint-unmatched` unless every weight of the network is there and every tensor has
 *   its place
 * @param otherwise what to do with the checkpoint of another network
 */
export function requireKeys(table: KeyTable, file: string, otherwise?: string): void {
  const { missing, misshapen, unexpected, loaded, total } = table;
  if (missing.length + misshapen.length + unexpected.length === 0) return;
  const shape = (dims: readonly number[]) => `[${dims.join(', ')}]`;
  const [wrong] = misshapen;
  const parts = [
    count(missing, 'missing'),
    wrong &&
      `${misshapen.length} mis-shaped (${wrong.key} should be ${shape(wrong.expected)}, found ${shape(wrong.found)}${misshapen.length > 1 ? ', …' : ''})`,
    count(unexpected, 'unexpected'),
  ].filter(Boolean);
  const another = otherwise !== undefined && loaded * 2 < total ? `; ${otherwise}` : '';
  throw new VentralError(
    'checkpoint-unmatched',
    `${file} does not fit the network: ${loaded} of ${total} tensors loaded, ${parts.join(', ')}${adviceFor(table)}${another}; nothing was written`,
    {
      file,
      field: missing[0] ?? wrong?.key ?? unexpected[0],
      expected: `${total} tensors`,
      found: `${loaded} that fit`,
    },
  );
}

/** What may be asked for where tensors do not fit. */
function adviceFor({ missing, misshapen, unexpected, loaded }: KeyTable): string {
  const wrong = [...missing, ...misshapen.map(({ key }) => key)];
  const isHead = (key: string) => HEAD.test(key);
  if (wrong.length > 0 && wrong.every(isHead) && unexpected.every(isHead))
    return '; --without-head leaves the head out';
  const begin = beginnings(unexpected);
  if (wrong.length === 0)
    return `; --ignore leaves tensors out by a glob, such as --ignore "${begin.split(',')[0]}*"`;
  if (unexpected.length > 0 && loaded === 0)
    return `; names of the file begin with ${begin}: --prefix says under which of them the network stands`;
  return '';
}

/** The first parts of names, for messages. */
export function beginnings(names: Iterable<string>): string {
  const found = new Set([...names].map((name) => `${name.split('.')[0]}.`));
  const shown = [...found].slice(0, 8).map((part) => printable(shortened(part)));
  return `${shown.join(', ')}${found.size > shown.length ? ', …' : ''}`;
}

function count(keys: readonly string[], word: string): string {
  if (keys.length === 0) return '';
  const shown = keys.slice(0, 3).join(', ');
  return `${keys.length} ${word} (${shown}${keys.length > 3 ? ', …' : ''})`;
}
