import { expect, test } from 'vitest';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { onV4, rescored, resnet } from './v4-hvm640.js';

onV4((place) => {
  const layers = ['conv1', 'layer1', 'layer2', 'layer3', 'avgpool'];
  rescored(place, { model: resnet, layers });

  test('ten units are fewer than 25 components', async () => {
    const { benchmark, context } = place;
    const { failures } = await scoreModel(
      { model: resnet, benchmarks: [benchmark], layers: { '*': 'logits' } },
      context,
    );
    expect(failures.map(({ error }) => error.code)).toEqual(['units-too-few']);
  });
});
