import type { PickleBytes } from './pickle-bytes.js';
import { PickleMachine, type PickleNames } from './pickle-machine.js';
import { opcodes } from './pickle-opcodes.js';
import type { PickleValue } from './pickle-values.js';

/**
 * Reads Python's pickle format (protocols 0 to 5; Python's `Lib/pickletools.py` describes the opcodes) as far
 * as checkpoints use it. A pickle is a program for a stack machine that may call any function of Python; here
 * a name stands for one of a closed list of meanings, all of them ours, or the file is refused.
 */

/** Steps that one pickle may take; each makes one value at most. A ResNet's state dict takes some ten thousand. */
const mostSteps = 2 ** 21;

/**
 * Reads one pickle, up to and with its STOP.
 * @throws VentralError `checkpoint-invalid` for what is no pickle or outgrows the bounds, and `checkpoint-unsafe`
 *   for one that names what it must not
 */
export function readPickle(bytes: PickleBytes, names: PickleNames): PickleValue {
  const machine = new PickleMachine(bytes, names);
  for (let step = 0; step < mostSteps; step++) {
    machine.startOfStep = bytes.at;
    const code = bytes.uint8();
    if (code === STOP) return machine.pop();
    const opcode = opcodes.get(code);
    if (opcode === undefined) {
      return machine.refuse('an opcode of pickle', `0x${code.toString(16).padStart(2, '0')}`);
    }
    opcode(machine);
  }
  return machine.refuse(`at most ${mostSteps} steps`, 'more');
}

const STOP = '.'.charCodeAt(0);
