import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseCard } from '../../../src/activations/card/card.js';
import { cardTemplate } from '../../../src/activations/card/card-template.js';
import { readHubConfig } from '../../../src/activations/card/hub-config.js';
import { decodeImage } from '../../../src/screen/decode.js';
import type { FloatRaster, Raster } from '../../../src/screen/picture.js';
import {
  colourChannels,
  type InputSpec,
  normaliseInto,
  toPixels,
} from '../../../src/screen/preprocess.js';
import { tolerances } from '../../tolerances.js';

/** Tensors that timm, transformers, open_clip and torchvision made themselves (make.py beside them). */
const fixtures = resolve(import.meta.dirname, '..', '..', 'fixtures', 'hub');
const { cases } = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8'));

interface Expected {
  readonly shape: readonly number[];
  /** None where floats were resized. */
  readonly pixels: string | null;
  readonly step: number;
  readonly values: readonly number[];
}

/** The input of the card that a configuration gives, written and read as a card is. */
async function inputOf(name: string): Promise<InputSpec> {
  const { input, notes } = await readHubConfig(join(fixtures, 'configs', `${name}.json`));
  expect(notes).toEqual([]);
  const text = cardTemplate(name, { input }).replace(/^(?:readout|region_layer_map).*$/gm, '');
  return parseCard(text, `${name}.yaml`).input;
}

/** Pixels of the tensor: its colours one after the other, in its order. */
function planes({ data, width, height }: Raster | FloatRaster, input: InputSpec): Uint8Array {
  const size = width * height;
  const out = new Uint8Array(3 * size);
  const order = colourChannels(input);
  for (let i = 0; i < 3 * size; i++) out[order[i % 3] * size + Math.floor(i / 3)] = data[i];
  return out;
}

test('ten configurations and more are recorded, of four libraries', () => {
  const names = readdirSync(join(fixtures, 'configs')).map((file) => file.replace('.json', ''));
  expect(Object.keys(cases).sort()).toEqual(names.sort());
  const libraries = names.map((name) => name.split('-')[0]);
  expect([...new Set(libraries)]).toEqual(['open', 'timm', 'torchvision', 'transformers']);
  expect(names.length).toBeGreaterThanOrEqual(10);
});

describe.each(Object.keys(cases))('%s', (name) => {
  test.each(Object.keys(cases[name]))(
    'a stimulus, %s, becomes the tensor of the library',
    async (stimulus) => {
      const { shape, pixels, step, values }: Expected = cases[name][stimulus];
      const input = await inputOf(name);
      const bytes = readFileSync(join(fixtures, 'stimuli', `${stimulus}.png`));
      const seen = toPixels(await decodeImage(bytes, stimulus), input);
      expect([3, seen.height, seen.width]).toEqual(shape);
      const tensor = new Float32Array(3 * seen.width * seen.height);
      normaliseInto(seen, input, tensor);
      const differences = values.map((value, i) => Math.abs(value - tensor[i * step]));
      if (pixels !== null)
        expect(createHash('sha256').update(planes(seen, input)).digest('hex')).toBe(pixels);
      const { tensor: rounding, torchResize } = tolerances;
      const most = pixels === null ? torchResize / Math.min(...input.std) : rounding;
      expect(Math.max(...differences)).toBeLessThanOrEqual(most);
    },
  );
});
