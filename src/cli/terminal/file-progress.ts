import type { Stage, Work } from '../../runtime/work.js';

const MIB = 2 ** 20;
/** Mebibytes with one digit after the point. */
export const tenthMiB = (bytes: number): number => Math.round((bytes / MIB) * 10) / 10;

/** Bytes a second, until they are measured. */
export const BYTE_RATES = { downloading: 20 * MIB, checking: 400 * MIB } as const;
/** Bytes of a file whose size nobody has said. */
export const USUAL_BYTES = 100 * MIB;

/** How far a file is; files are checked where nothing else is said. */
interface FileProgress {
  readonly file: string;
  readonly stage?: string;
  readonly done: number;
  readonly total?: number;
}

/** Reports files to a work, each as a stage that is added when the first of it is heard. */
export function fileProgress(work: Work): (progress: FileProgress) => void {
  const stages = new Map<string, Stage>();
  return ({ file, stage = 'checking', done, total = Math.max(done, USUAL_BYTES) }) => {
    const kind = stage === 'checking' ? 'checking' : 'downloading';
    const name = `${file} ${kind}, MiB`;
    const plan = { stage: name, total: tenthMiB(total), kind, basis: 'bytes' as const };
    const found = stages.get(name) ?? work.stage({ ...plan, seconds: total / BYTE_RATES[kind] });
    stages.set(name, found);
    const words = stage === 'waiting' ? { words: 'waiting for the server' } : {};
    found.at(tenthMiB(done), { total: tenthMiB(total), ...words });
  };
}
