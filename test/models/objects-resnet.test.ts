import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseCard } from '../../src/activations/card/card.js';
import { cardOf, openModelFile } from '../../src/activations/model-file.js';
import { resolveLayer } from '../../src/onnx/layers.js';
import { getMetadata } from '../../src/onnx/metadata.js';
import { labelKeys } from '../../src/scoring/model/model-facts.js';
import { BatchFeed } from '../../src/training/augment/batch-feed.js';
import { validate } from '../../src/training/run/validate.js';

const PATH = 'models/objects-resnet/model.onnx';

test('objects-resnet is a small file whose own card is the one beside it', async () => {
  expect(statSync(PATH).size).toBeLessThanOrEqual(2 * 2 ** 20);
  const file = await openModelFile('objects-resnet');
  const { file: _, recipe: __, ...card } = cardOf(file);
  expect(card).toMatchObject({ weights: 'trained', parameters: 176_026, family: 'resnet' });
  // The file is older than the keys that describe it, and its digest stays.
  const older = Object.fromEntries(
    Object.entries(card).filter(([key]) => !(labelKeys as readonly string[]).includes(key)),
  );
  expect(parseCard(getMetadata(file.model, 'ventral.card') ?? '', PATH)).toEqual(older);
  const { region_layer_map: regions = {}, readout } = card;
  for (const layer of [...Object.values(regions), readout])
    expect(resolveLayer(file.model, layer as string).value).toBeTruthy();
});

test('objects-resnet names objects that it never saw six times as often as chance does', async () => {
  const { bytes, card } = await openModelFile('objects-resnet');
  const source = { generate: 'objects-on-backgrounds', seed: 3, count: 200, side: 64 } as const;
  const spec = { side: 64, batch: 50, augment: [], label_smoothing: 0, seed: 1, workers: 0 };
  const feed = await BatchFeed.open(source, '.', {}, spec);
  expect(feed.set.classes).toEqual(card?.logits?.classes);
  const how = { normalisation: card?.input as never, threads: 1, side: 64 };
  const { accuracy } = await validate(bytes, feed.examples(), how);
  await feed.close();
  expect(accuracy).toBeGreaterThan(0.55);
});
