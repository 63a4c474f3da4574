import { applyPatch, filterPair } from './offset-gaussians.js';
import type { Retina } from './v1-units.js';

/** How the bank is laid out. */
export interface BankSpec {
  /** Preferred frequencies, cycles a degree. */
  readonly frequencies: readonly number[];
  readonly orientations: number;
  readonly grid: number;
  /** Degrees between neighbouring positions, around the middle. */
  readonly spacing: number;
}

/**
 * √energy of every channel at every position: position × channel, channel = frequency ×
 * orientations + orientation, for each image in contrast units.
 */
export function channelEnergies(
  pictures: readonly Float64Array[],
  { side, pixelsPerDegree }: Retina,
  spec: BankSpec,
): Float64Array[] {
  const shift = (k: number) =>
    side / 2 + (k - (spec.grid - 1) / 2) * spec.spacing * pixelsPerDegree;
  const pairs = Array.from({ length: spec.grid ** 2 }, (_, p) => p).flatMap((p) =>
    spec.frequencies.flatMap((cycles) =>
      Array.from({ length: spec.orientations }, (_, o) =>
        filterPair(
          {
            x: shift(p % spec.grid),
            y: shift(Math.floor(p / spec.grid)),
            period: pixelsPerDegree / cycles,
            orientation: (Math.PI * o) / spec.orientations,
            width: 0.36,
            elongation: 1.4,
          },
          side,
        ),
      ),
    ),
  );
  const energies = pictures.map(() => new Float64Array(pairs.length));
  pairs.forEach(({ even, odd }, k) => {
    const [e, o] = [even, odd].map((patch) => applyPatch(patch, pictures, side));
    energies.forEach((own, s) => {
      own[k] = Math.sqrt(e[s] * e[s] + o[s] * o[s]);
    });
  });
  return energies;
}
