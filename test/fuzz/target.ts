import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dice } from './dice.js';

/** What takes the cases of one kind. */
export interface Target {
  readonly name: string;
  /** How often it is chosen, in relation to the others. */
  readonly share: number;
  /** `service`: goes over HTTP. `reader`: goes to the process that reads files and runs commands. */
  readonly lane: 'service' | 'reader';
  /** Runs one case and says how it ended, in a word or two. Throws {@link Finding}. */
  run(one: FuzzCase): Promise<string>;
}

/** Something that must not happen. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** One case: what is chosen by its seed, in a folder of its own. */
export class FuzzCase {
  readonly dice: Dice;
  readonly folder: string;

  constructor(
    readonly seed: number,
    root: string,
  ) {
    this.dice = new Dice(seed);
    this.folder = join(root, `case-${seed}`);
  }

  /** Writes a file of the case and gives its path: of a case that fails they are kept. */
  async file(name: string, bytes: Uint8Array | string): Promise<string> {
    await mkdir(this.folder, { recursive: true });
    const path = join(this.folder, name);
    await writeFile(path, bytes);
    return path;
  }

  /** Puts what it wrote where a person finds it. */
  async keep(): Promise<string> {
    const kept = join(tmpdir(), 'ventral-fuzz', `seed-${this.seed}`);
    await rm(kept, { recursive: true, force: true });
    await mkdir(kept, { recursive: true });
    await cp(this.folder, kept, { recursive: true }).catch(() => undefined);
    return kept;
  }

  async forget(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The target that a seed chooses, by shares. */
export function targetOf(seed: number, targets: readonly Target[]): Target {
  // Not the dice of the case itself: what a case does must not depend on which targets there are.
  const total = targets.reduce((sum, { share }) => sum + share, 0);
  let left = new Dice(seed ^ 0x5eed).below(total);
  const chosen = targets.find(({ share }) => {
    left -= share;
    return left < 0;
  });
  return chosen as Target;
}
