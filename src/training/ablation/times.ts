import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';

/** Seconds of clock and of processors. */
export interface Took {
  readonly wall: number;
  readonly cpu: number;
}

/** What the runs of an ablation took, over all of its beginnings; a kill loses the time of the run that it struck. */
export class Times {
  #total: Took;

  readonly #path: string;

  private constructor(path: string, total: Took) {
    this.#path = path;
    this.#total = total;
  }

  /** Goes on with the file of a folder, if there is one that can be read. */
  static async open(folder: string): Promise<Times> {
    const path = join(folder, 'times.json');
    const text = await readFile(path, 'utf8').catch(() => '');
    return new Times(path, tookOf(text));
  }

  /** Runs some work and adds its time, even if it fails. */
  async of(work: () => Promise<void>): Promise<void> {
    const [started, used] = [performance.now(), process.cpuUsage()];
    try {
      await work();
    } finally {
      const { user, system } = process.cpuUsage(used);
      const { wall, cpu } = this.#total;
      this.#total = {
        wall: wall + (performance.now() - started) / 1000,
        cpu: cpu + (user + system) / 1e6,
      };
      await writeFileAtomic(this.#path, `${JSON.stringify(this.#total)}\n`);
    }
  }

  get total(): Took {
    return this.#total;
  }
}

function tookOf(text: string): Took {
  try {
    const { wall, cpu } = JSON.parse(text);
    if (Number.isFinite(wall) && Number.isFinite(cpu)) return { wall, cpu };
  } catch {
    // Nothing depends on it: what cannot be read counts from now on.
  }
  return { wall: 0, cpu: 0 };
}
