import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ModelCard } from '../../../src/activations/card/card.js';
import { PreparedStimuli } from '../../../src/activations/stimuli/prepared-stimuli.js';
import { prepareStimulus } from '../../../src/activations/stimuli/stimulus-feed.js';
import { madeStimuli, plainCard } from '../made-networks.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-pictures-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ROWS = 4;
const BYTES = 16 * 16 * 3;
const shownOf = async (degrees?: number) => ({
  stimuli: await madeStimuli(ROWS),
  degrees: degrees === undefined ? undefined : new Array<number>(ROWS).fill(degrees),
});

async function fill(
  pictures: PreparedStimuli,
  shown: Awaited<ReturnType<typeof shownOf>>,
  card: ModelCard,
) {
  const set = await pictures.of(shown, card);
  for (let row = 0; row < ROWS; row++) set.put(row, await prepareStimulus(shown, row, card));
  return set;
}

test.each<[string, Partial<ModelCard['input']>]>([
  ['bytes', {}],
  [
    'floats',
    { resize: { to: 16, mode: 'square', filter: 'bilinear', library: 'torch' }, crop: 12 },
  ],
])('%s come back as they were put, until they are let go', async (_, input) => {
  const [pictures, shown, card] = [
    new PreparedStimuli(folder, 2 ** 20),
    await shownOf(),
    plainCard(input),
  ];
  const set = await pictures.of(shown, card);
  expect(set.get(0)).toBeUndefined();
  await fill(pictures, shown, card);
  for (let row = 0; row < ROWS; row++)
    expect(set.get(row)).toEqual(await prepareStimulus(shown, row, card));
  pictures.close();
  expect(readdirSync(folder)).toEqual([]);
});

test('serve networks with the same resize and crop, and the same stimuli at the same degrees', async () => {
  const pictures = new PreparedStimuli(folder, 2 ** 20);
  const shown = await shownOf(8);
  const set = await fill(pictures, shown, plainCard());
  expect(await pictures.of(await shownOf(8), plainCard({ range: 1, layout: 'NHWC' }))).toBe(set);
  expect(await pictures.of(shown, plainCard({ crop: 15 }))).not.toBe(set);
  expect(await pictures.of(await shownOf(4), plainCard())).not.toBe(set);
  expect(await pictures.of(shown, { ...plainCard(), visual_degrees: 4 })).not.toBe(set);
  pictures.close();
});

test('are kept grey or in colour, whichever comes first', async () => {
  const pictures = new PreparedStimuli(folder, 2 ** 20);
  const set = await pictures.of(await shownOf(), plainCard());
  const grey = { width: 5, height: 4, channels: 1, data: new Uint8Array(20).fill(7) };
  const colour = {
    width: 5,
    height: 4,
    channels: 3,
    data: Uint8Array.from({ length: 60 }, (_, i) => i),
  };
  set.put(2, grey);
  set.put(1, colour);
  set.put(3, { ...grey, width: 4, height: 5 });
  expect([0, 1, 2, 3].map((row) => set.get(row))).toEqual([undefined, colour, grey, undefined]);
  pictures.close();
});

test('stay within their bound, also where sets are opened before any is filled', async () => {
  const pictures = new PreparedStimuli(folder, ROWS * BYTES);
  const [one, two] = [await shownOf(8), await shownOf(4)];
  await pictures.of(one, plainCard());
  await pictures.of(two, plainCard());
  const first = await fill(pictures, one, plainCard());
  const second = await fill(pictures, two, plainCard());
  expect(first.get(ROWS - 1)).toBeDefined();
  expect(second.get(0)).toBeUndefined();
  expect(pictures.bytes).toBe(ROWS * BYTES);
  pictures.close();
});

test.each<[string, Partial<ModelCard['input']>]>([
  ['as it is', {}],
  [
    'resized to its own size',
    { resize: { to: 32, mode: 'square', filter: 'area', library: 'opencv' } },
  ],
  ['resized', { resize: { to: 20, mode: 'square', filter: 'area', library: 'opencv' } }],
])(
  'an image on the canvas, %s, keeps its pixels when others are placed there',
  async (_, input) => {
    const shown = await shownOf(4);
    const card = plainCard(input);
    const first = await prepareStimulus(shown, 0, card);
    const pixels = first.data.slice();
    const second = await prepareStimulus(shown, 1, card);
    expect(second.data).not.toEqual(pixels);
    expect(first.data).toEqual(pixels);
    expect((await prepareStimulus(shown, 0, card)).data).toEqual(pixels);
  },
);
