import { basename, dirname, extname } from 'node:path';

/** Where in a training a checkpoint was written, as far as its path says. */
export interface NamedProgress {
  /** Optimizer steps, or another number that grows with the training. */
  readonly step?: number;
  readonly epoch?: number;
}

const STEP =
  /(?<![a-z0-9])(?:global[-_ ]?)?(?:steps?|iter(?:ation)?s?|it)[-_=. ]*(\d{1,15})(?![a-z0-9])/gi;
const EPOCH = /(?<![a-z0-9])(?:epochs?|ep|e)[-_=. ]*(\d{1,15})(?![a-z0-9])/gi;
/** A number between separators, and not one side of a decimal point. */
const NUMBER = /(?<![a-z0-9]|\d\.)(\d{1,15})(?![a-z0-9]|\.\d)/gi;
/** A folder that holds one checkpoint, such as `checkpoint-1200` of transformers or `global_step1200` of DeepSpeed. */
const OWN_FOLDER = /^(?:checkpoint|ckpt|global_?step|step|iter(?:ation)?|epoch)[-_=. ]*\d{1,15}$/i;
/** Folders that many trainers keep the checkpoints of one run in. */
const OF_RUN = /^(?:checkpoints?|ckpts?|weights|models?)$/i;

/**
 * Step and epoch of a checkpoint by its name: the last integer after `step` or `iter`, that after `epoch`, else the last integer
 * of the name, else that of the folder if the folder holds this checkpoint alone.
 * @param path relative to the watched folder
 */
export function progressInName(path: string): NamedProgress {
  const stem = basename(path, extname(path));
  const own = progressIn(stem);
  if (own) return own;
  const folder = basename(dirname(path));
  return (OWN_FOLDER.test(folder) ? progressIn(folder) : undefined) ?? {};
}

function progressIn(name: string): NamedProgress | undefined {
  const step = lastInteger(name, STEP);
  const epoch = lastInteger(name, EPOCH);
  if (step === undefined && epoch === undefined) {
    const number = lastInteger(name, NUMBER);
    return number === undefined ? undefined : { step: number };
  }
  return { ...(step === undefined ? {} : { step }), ...(epoch === undefined ? {} : { epoch }) };
}

function lastInteger(text: string, pattern: RegExp): number | undefined {
  const found = [...text.matchAll(pattern)].at(-1);
  return found && Number(found[1]);
}

/**
 * The training that a checkpoint belongs to: its folder, without one that holds a single checkpoint and without `checkpoints`.
 * @param path relative to the watched folder
 * @param watched name of the watched folder, for checkpoints that lie in it
 */
export function runOf(path: string, watched: string): string {
  let folder = dirname(path).replaceAll('\\', '/');
  if (OWN_FOLDER.test(basename(folder))) folder = dirname(folder);
  if (OF_RUN.test(basename(folder))) folder = dirname(folder);
  return folder === '.' ? watched : folder;
}

const WEIGHTS = /\.(?:pt|pth|ckpt|safetensors)$|(?:^|[\\/])pytorch_model[^\\/]*\.bin$/i;
/** What trainers keep beside the weights to resume. */
const OF_TRAINER =
  /(?:^|[._-])(?:optim(?:izer)?|sched(?:uler)?|scaler|sampler|rng[._-]?state|random[._-]states|training[._-]args|trainer[._-]state)s?(?:[._-]|$)/i;

/** What a file may be by its name: a network, weights for one, or neither. */
export function kindByName(path: string): 'network' | 'weights' | undefined {
  const name = basename(path);
  if (name.startsWith('.') || OF_TRAINER.test(name)) return undefined;
  if (/\.onnx$/i.test(name)) return 'network';
  return WEIGHTS.test(path) ? 'weights' : undefined;
}
