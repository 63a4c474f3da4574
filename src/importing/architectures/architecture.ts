/** What we and a library call the same module. */
export type ModulePair = readonly [ours: string, theirs: string];

/** Names that a model library gives to the parts of one of our networks. */
export interface Naming {
  /** Whose: `timm`, `torchvision`. */
  readonly library?: string;
  /** Argument of the network's `build`; undefined if there is only one network. */
  readonly variant?: string;
  /**
   * Module paths, ours and the library's: of every module with weights first, and of others, so that recorded
   * outputs are found too; undefined if they are the same.
   */
  readonly modules?: readonly ModulePair[];
  /** Prefix of our names that the library's names lack: `model.` of an exported wrapper. */
  readonly root?: string;
  /**
   * Our path of a module whose output was recorded, where that depends on what else the library has
   * (`all` paths); the inverse of `modules` elsewhere.
   */
  readonly recorded?: (module: string, all: ReadonlySet<string>) => string;
  /** What the names do not say, and was taken to be so. */
  readonly assumed?: string;
}

/** A network that ventral builds itself, onto which checkpoints are imported. */
export interface Architecture {
  /** Folder of the shipped model. */
  readonly shipped: string;
  /** Side of the input that it was published with. */
  readonly side: number;
  readonly namings: readonly Naming[];
}

const separate = (key: string) => {
  const dot = key.lastIndexOf('.');
  return { module: key.slice(0, Math.max(0, dot)), leaf: key.slice(dot) };
};

/** How a library calls a tensor that we call `key`; undefined for a module that it does not have. */
export function theirKey({ modules, root = '' }: Naming, key: string): string | undefined {
  if (modules === undefined) return key.startsWith(root) ? key.slice(root.length) : key;
  const { module, leaf } = separate(key);
  const theirs = modules.find(([ours]) => ours === module)?.[1];
  return theirs === undefined ? undefined : theirs + leaf;
}

/** Our name of a tensor that no weight of the graph bears, such as those of a folded batch norm. */
export function ourKey({ modules, root = '' }: Naming, key: string): string {
  return modules !== undefined || key.startsWith(root) ? key : root + key;
}

/** Our path of a module whose output a library recorded; empty for one that we do not have. */
export function ourPath(naming: Naming, module: string, all: ReadonlySet<string>): string {
  if (naming.recorded) return naming.recorded(module, all);
  const { root = '' } = naming;
  if (naming.modules === undefined) return module.startsWith(root) ? module : root + module;
  return naming.modules.find(([, theirs]) => theirs === module)?.[0] ?? '';
}

/** How a graph may be named beside the checkpoint: as it is, or with a wrapper around that the checkpoint lacks. */
export function graphNamings(ours: ReadonlySet<string>): readonly Naming[] {
  const [first = '', ...others] = ours;
  let root = '';
  for (const part of first.split('.').slice(0, -2)) {
    const next = `${root}${part}.`;
    if (!others.every((name) => name.startsWith(next))) break;
    root = next;
  }
  return root === '' ? [{}] : [{}, { root }];
}

/** The naming scheme of most names in a checkpoint, ignoring wrapper prefixes. */
export function bestNaming(
  namings: readonly Naming[],
  ours: ReadonlySet<string>,
  stored: Iterable<string>,
): Naming {
  const names = [...stored];
  const hits = namings.map((naming) => {
    const wanted = new Set([...ours].flatMap((key) => theirKey(naming, key) ?? []));
    return names.filter((name) => endings(name).some((ending) => wanted.has(ending))).length;
  });
  return namings[hits.indexOf(Math.max(...hits))];
}

/** A name without its first part, without its first two … */
function endings(name: string): string[] {
  const parts = name.split('.', 16);
  return parts.map((_, i) => parts.slice(i).join('.'));
}
