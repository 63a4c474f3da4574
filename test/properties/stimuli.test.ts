import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { blankPixels, gratingPixels } from '../../src/properties/grating.js';
import { type GratingSet, stimuliOfSet } from '../../src/properties/grating-sets.js';
import { placeTexture, textureName } from '../../src/properties/texture-placing.js';
import { decodeImage } from '../../src/screen/decode.js';
import { pixelsOnScreen } from '../../src/screen/place-on-screen.js';
import { numbers, oracle, oraclePath } from '../oracle.js';

const sets = oracle('12-properties/stimuli/sets.json');
const small = oracle('12-properties/stimuli/small.json');
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

const pixelsOf = ({ canvas, grating }: ReturnType<typeof stimuliOfSet>[number]) =>
  grating ? gratingPixels(grating, canvas) : blankPixels(canvas);

const onScreen = (stimulus: ReturnType<typeof stimuliOfSet>[number], target: number) => {
  const { width, height, degrees } = stimulus.canvas;
  const placed = pixelsOnScreen(
    { width, height, channels: 1, mode: 'L', data: pixelsOf(stimulus) },
    { target, source: degrees },
  );
  return {
    ...placed,
    grey: Uint8Array.from(
      { length: placed.width * placed.height },
      (_, i) => placed.data[i * placed.channels],
    ),
  };
};

/** All stimuli take minutes: one of many in each set. VENTRAL_ALL_STIMULI=1 checks all. */
const STEP = process.env.VENTRAL_ALL_STIMULI ? 1 : 197;

const nameOf = (identifier: string) => identifier.replace('Marques2020_', '') as GratingSet;

for (let at = 0; at < 5; at++) {
  const set = sets.sets[at];
  test(`${set.identifier}: parameters, order and pixels are the original's`, () => {
    const stimuli = stimuliOfSet(nameOf(set.identifier));
    expect(stimuli).toHaveLength(set.count);
    if (set.params) {
      const params = stimuli.flatMap(({ grating }) => {
        if (!grating) throw new Error('a blank');
        const { positionY, positionX, contrast, radius, spatialFrequency, orientation, phase } =
          grating;
        return [positionY, positionX, contrast, radius, spatialFrequency, orientation, phase];
      });
      expect(Float64Array.from(params)).toEqual(numbers(set.params));
    }
    const digests = (key: string): string[] => {
      if (typeof set[key] === 'string') return [set[key]];
      const all = Buffer.from(numbers(set[key]));
      return Array.from({ length: set.count }, (_, i) => all.toString('hex', 32 * i, 32 * i + 32));
    };
    const [native, screen] = [digests('sha256_native'), digests('sha256_on_screen_8')];
    for (let i = 0; i < stimuli.length; i += STEP) {
      expect(sha256(pixelsOf(stimuli[i]))).toBe(native[i]);
      expect(sha256(onScreen(stimuli[i], 8).grey)).toBe(screen[i]);
    }
  }, 600_000);
}

test('the blank table of the original has the digest that is registered there', () => {
  const { text, sha1 } = sets.blank_csv_of_brain_score;
  expect(createHash('sha1').update(text).digest('hex')).toBe(sha1);
});

test('small gratings: not square, weak, cut by the edge, ties on the mask', () => {
  for (let i = 0; i < small.gratings.length; i++) {
    const { note, size_px, width_degrees, pixels, ...grating } = small.gratings[i];
    const canvas = { height: size_px[0], width: size_px[1], degrees: width_degrees };
    const made =
      note === 'blank'
        ? blankPixels(canvas)
        : gratingPixels(
            {
              positionY: grating.position_y,
              positionX: grating.position_x,
              contrast: grating.contrast,
              radius: grating.radius,
              spatialFrequency: grating.spatial_frequency,
              orientation: grating.orientation,
              phase: grating.phase,
            },
            canvas,
          );
    expect(made).toEqual(Uint8Array.from(numbers(pixels)));
  }
});

test('on screens of other degrees', () => {
  for (let i = 0; i < small.other_screens.length; i++) {
    const { set, index, target_degrees, shape, sha256: digest } = small.other_screens[i];
    const placed = onScreen(stimuliOfSet(nameOf(set))[index], target_degrees);
    expect([placed.height, placed.width]).toEqual(shape.slice(0, 2));
    // What is pasted on a canvas is RGB in the original.
    const channels = shape[2] ?? 1;
    const data = Uint8Array.from(
      { length: placed.grey.length * channels },
      (_, i) => placed.grey[Math.floor(i / channels)],
    );
    expect(sha256(data)).toBe(digest);
  }
});

test('textures are named and placed as the original does', () => {
  for (let i = 0; i < small.textures.length; i++) {
    const { source_name, source, placed, type, family, sample } = small.textures[i];
    expect(textureName(source_name)).toEqual({ type, family, sample });
    const made = placeTexture(Uint8Array.from(numbers(source)), source.shape[0]);
    expect(made).toEqual(Uint8Array.from(numbers(placed)));
  }
  expect(() => textureName('tex-320x320-im5-smp1.png')).toThrow('expected a name like');
});

test('images of the original, own size and on a screen of 8 degrees', async () => {
  for (const [set, index] of [
    ['orientation', 600],
    ['orientation', 1079],
    ['receptive_field', 382],
    ['receptive_field', 2233],
    ['size', 279],
    ['size', 358],
    ['spatial_frequency', 293],
    ['spatial_frequency', 1305],
  ] as const) {
    const name = `12-properties/stimuli/png/${set}-${String(index).padStart(4, '0')}`;
    const stimulus = stimuliOfSet(set)[index];
    const read = async (path: string) => {
      const { data, width, height, channels } = await decodeImage(
        readFileSync(oraclePath(path)),
        path,
      );
      return Uint8Array.from({ length: width * height }, (_, i) => data[i * channels]);
    };
    expect(sha256(pixelsOf(stimulus))).toBe(sha256(await read(`${name}.png`)));
    expect(sha256(onScreen(stimulus, 8).grey)).toBe(sha256(await read(`${name}.screen8.png`)));
  }
});
