import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { openZip } from '../../../src/formats/zip.js';
import { openCheckpoint } from '../../../src/importing/checkpoint/open-checkpoint.js';
import { stateNames } from '../../../src/importing/checkpoint/state-dict.js';
import { damaged } from '../../fuzz/damage.js';
import { Dice } from '../../fuzz/dice.js';
import { type ZipPart, zipCase, zipOf } from '../../fuzz/zip-cases.js';
import { fixture } from './made-checkpoints.js';

/** Damaged checkpoints of every kind, each read or refused by one error. */

const codes = [
  'checkpoint-invalid',
  'checkpoint-unsafe',
  'checkpoint-unmatched',
  'import-unsupported',
  'memory-exceeded',
  'zip-invalid',
  'zip-unsafe-path',
  'npy-invalid',
];

/** A good file, with its parts where it is an archive. */
interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
  readonly parts?: readonly ZipPart[];
}

export interface FuzzReport {
  readonly read: number;
  /** How often each code came. */
  readonly refused: Readonly<Record<string, number>>;
  /** What should not be: another error, or none of ours; with its seed. */
  readonly findings: readonly string[];
}

/** Runs cases `first` up to `first + count`, each of its own seed. */
export async function fuzzCheckpoints(
  folder: string,
  first: number,
  count: number,
): Promise<FuzzReport> {
  const seeds = await readSeeds();
  const file = join(folder, 'mutated');
  const refused: Record<string, number> = {};
  const findings: string[] = [];
  let read = 0;
  for (let number = first; number < first + count; number++) {
    const dice = new Dice(number);
    const seed = dice.pick(seeds);
    await writeFile(file, mutated(seed, seeds, dice));
    try {
      await readAll(file);
      read++;
    } catch (error) {
      const code = error instanceof VentralError ? error.code : 'not ours';
      refused[code] = (refused[code] ?? 0) + 1;
      if (!codes.includes(code))
        findings.push(`${number} (${seed.name}): ${(error as Error).stack}`);
    }
  }
  return { read, refused, findings };
}

async function readSeeds(): Promise<Seed[]> {
  const names = (await readdir(fixture(''))).filter((name) =>
    /\.(pth|safetensors|pkl|npz)$/.test(name),
  );
  return Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(fixture(name));
      const isZip = bytes.toString('latin1', 0, 2) === 'PK';
      return { name, bytes, ...(isZip ? { parts: await partsOf(fixture(name)) } : {}) };
    }),
  );
}

async function partsOf(file: string): Promise<ZipPart[]> {
  const zip = await openZip(file);
  try {
    const parts: ZipPart[] = [];
    for (const { name, size } of zip.entries) {
      // Some archives have no checksums.
      const data = await zip.read(name).catch(() => zip.readRange(name, 0, size));
      parts.push({ name, data });
    }
    return parts;
  } finally {
    await zip.close();
  }
}

/** Half of the archives stay archives, and only what is in them is damaged. */
function mutated({ bytes, parts }: Seed, seeds: readonly Seed[], dice: Dice): Uint8Array {
  const other = dice.pick(seeds).bytes;
  if (parts === undefined || dice.chance(0.25)) return damaged(bytes, dice, other);
  if (dice.chance(0.3)) return zipCase(parts, dice);
  const isPickle = ({ name }: ZipPart) => name.endsWith('.pkl');
  const chosen = dice.chance(0.8) ? parts.findIndex(isPickle) : dice.below(parts.length);
  return zipOf(
    parts.map((part, i) =>
      i === chosen ? { ...part, data: damaged(part.data, dice, other) } : part,
    ),
    dice.chance(0.3),
  );
}

const wanted = new Set(['conv.weight', 'fc.bias', 'norm.running_mean', 'whole']);

async function readAll(file: string): Promise<void> {
  const checkpoint = await openCheckpoint(file);
  try {
    for (const tensor of checkpoint.tensors.values()) await tensor.read();
    await stateNames(checkpoint, wanted);
  } finally {
    await checkpoint.close();
  }
}
