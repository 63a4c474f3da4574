import type { Canvas, Grating } from './grating.js';

/** The sets of stimuli that the V1 properties of Marques2020 are measured with. */
export const gratingSets = [
  'blank',
  'receptive_field',
  'orientation',
  'spatial_frequency',
  'size',
] as const;

export type GratingSet = (typeof gratingSets)[number];

/** A stimulus of a set; `grating` is undefined for the blank. */
export interface GratingStimulus {
  readonly set: GratingSet;
  readonly canvas: Canvas;
  readonly grating: Grating | undefined;
}

const DEGREES = 12;
const canvas: Canvas = { height: 672, width: 672, degrees: DEGREES };
const blankCanvas: Canvas = { height: 448, width: 448, degrees: DEGREES };

const range = (count: number, value: (i: number) => number): number[] =>
  Array.from({ length: count }, (_, i) => value(i));

const PHASES = range(8, (k) => 45 * k);
/**
 * Powers of two in even steps of the exponent, from roots that are written out: `2 ** x` differs by a last bit between
 * machines, and the levels of the original are exact to it.
 */
const powers = (count: number, first: number, roots: readonly number[]): number[] =>
  range(count, (k) => roots[k % roots.length] * 2 ** (first + Math.floor(k / roots.length)));

/** 2^(−1.375 + k/4) cycles per degree. */
const FREQUENCIES = powers(
  22,
  -2,
  [1.5422108254079407, 1.8340080864093424, 2.1810154653305154, 2.5936791093020193],
);
const FOUR_FREQUENCIES = [4, 8, 12, 16].map((k) => FREQUENCIES[k]);
/** 2^(−3.25 + k/2) degrees. */
const RADII = powers(12, -4, [1.681792830507429, 2.378414230005442]);
const PLACES = range(21, (k) => -2.5 + 0.25 * k);
const TWELVE = range(12, (k) => 15 * k);
const SIX = range(6, (k) => 30 * k);

type Variation = readonly [radius: number, spatialFrequency: number];

/** Gratings at the place of the properties, orientation and phase fastest. */
function central(
  set: GratingSet,
  variations: readonly Variation[],
  orientations: readonly number[],
): GratingStimulus[] {
  return variations.flatMap(([radius, spatialFrequency]) =>
    orientations.flatMap((orientation) =>
      PHASES.map((phase) => ({
        set,
        canvas,
        grating: {
          positionY: 0.5,
          positionX: 0.5,
          contrast: 1,
          radius,
          spatialFrequency,
          orientation,
          phase,
        },
      })),
    ),
  );
}

/** Small gratings over a square of places, the eight of one place after each other. */
function receptiveField(): GratingStimulus[] {
  return PLACES.flatMap((positionY) =>
    PLACES.flatMap((positionX) =>
      [0, 45, 90, 135].flatMap((orientation) =>
        [0, 180].map((phase) => ({
          set: 'receptive_field' as const,
          canvas,
          grating: {
            positionY,
            positionX,
            contrast: 1,
            radius: 1 / 6,
            spatialFrequency: 3,
            orientation,
            phase,
          },
        })),
      ),
    ),
  );
}

/**
 * All stimuli of a set, in the order of the table in docs/spec.md (Appendix D): 1 blank, 3,528 gratings that map receptive
 * fields, 1,152 of orientations, 2,112 of spatial frequencies, 2,304 of sizes.
 */
export function stimuliOfSet(set: GratingSet): readonly GratingStimulus[] {
  const product = (radii: readonly number[], frequencies: readonly number[]) =>
    radii.flatMap((radius) => frequencies.map((f): Variation => [radius, f]));
  switch (set) {
    case 'blank':
      return [{ set, canvas: blankCanvas, grating: undefined }];
    case 'receptive_field':
      return receptiveField();
    case 'orientation': {
      const cycles = [2, 3, 4];
      const variations = cycles.flatMap((m) =>
        FOUR_FREQUENCIES.map((f): Variation => [m / 2 / f, f]),
      );
      return central(set, variations, TWELVE);
    }
    case 'spatial_frequency':
      return central(set, product([0.75, 2.25], FREQUENCIES), SIX);
    case 'size':
      return central(set, product(RADII, FOUR_FREQUENCIES), SIX);
  }
}
