import { createHash } from 'node:crypto';
import type { StimulusSet } from '../../data/stimulus-set.js';
import { digestOf } from '../../formats/digest.js';
import type { Shown } from './shown.js';

const known = new WeakMap<StimulusSet, Promise<readonly string[]>>();

/** SHA-256 of each image of a set, in its order, of a clip over those of its frames; read once a set. */
export function stimulusDigests(stimuli: StimulusSet): Promise<readonly string[]> {
  let digests = known.get(stimuli);
  if (!digests) {
    digests = hashAll(stimuli);
    known.set(stimuli, digests);
  }
  return digests;
}

async function hashAll(stimuli: StimulusSet): Promise<string[]> {
  const { computed } = stimuli;
  if (computed) return stimuli.ids.map((_, row) => computed.digest(row));
  const digests: string[] = [];
  for (let row = 0; row < stimuli.ids.length; row++) {
    const frames = stimuli.frames?.(row);
    digests.push(
      frames === undefined ? sha256(await stimuli.read(row)) : await hashClip(stimuli, row, frames),
    );
  }
  return digests;
}

const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex');

async function hashClip(stimuli: StimulusSet, row: number, frames: number): Promise<string> {
  const digests: string[] = [];
  for (let frame = 0; frame < frames; frame++) digests.push(sha256(await stimuli.read(row, frame)));
  return sha256(`frames ${digests.join(' ')}`);
}

/** Digest of what a network saw: the bytes of each stimulus, and its degrees. */
export async function shownDigest({ stimuli, degrees }: Shown): Promise<string> {
  return digestOf({ ids: stimuli.ids, pictures: await stimulusDigests(stimuli), degrees });
}
