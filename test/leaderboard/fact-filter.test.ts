import { describe, expect, it } from 'vitest';
import { type FactQuery, fitsFacts, readFactFilter } from '../../src/leaderboard/fact-filter.js';
import type { ModelFacts } from '../../src/scoring/model/model-facts.js';

const nothing: ModelFacts = {
  ...{ weights: null, parameters: null, family: null },
  ...{ trainingData: null, date: null, licence: null },
};
const models: Readonly<Record<string, ModelFacts>> = {
  resnet: {
    ...{ weights: 'trained', parameters: 25_557_032, family: 'ResNet' },
    ...{ trainingData: ['ImageNet-1k'], date: '2015-12', licence: 'BSD-3-Clause' },
  },
  vit: {
    ...{ weights: 'trained', parameters: 86_567_656, family: 'vit' },
    ...{ trainingData: ['imagenet-21k', 'imagenet-1k'], date: '2020-10-22', licence: null },
  },
  gabor: { ...nothing, weights: 'control', parameters: 0, trainingData: [], date: '2020' },
  silent: nothing,
};

/** Names of the models that are shown. */
function shown(query: FactQuery): string[] {
  const fits = fitsFacts(readFactFilter(query));
  return Object.keys(models).filter((name) => fits(models[name]));
}

describe('a filter by what cards say', () => {
  it.each<[FactQuery, string[]]>([
    [{}, ['resnet', 'vit', 'gabor', 'silent']],
    [{ family: 'resnet, VIT' }, ['resnet', 'vit']],
    [{ family: '!resnet' }, ['vit', 'gabor', 'silent']],
    [{ family: '!resnet,!unknown' }, ['vit']],
    [{ family: 'unknown' }, ['gabor', 'silent']],
    [{ family: 'resnet,vit,!vit' }, ['resnet']],
    [{ weights: 'trained,control' }, ['resnet', 'vit', 'gabor']],
    [{ parameters: '1M..30M' }, ['resnet']],
    [{ parameters: '25.557032m' }, ['resnet']],
    [{ parameters: '..1k,0.05B..' }, ['vit', 'gabor']],
    [{ parameters: '!..30M' }, ['vit', 'silent']],
    [{ parameters: '0' }, ['gabor']],
    [{ training_data: 'imagenet-1k' }, ['resnet', 'vit']],
    [{ training_data: 'imagenet-1k,!imagenet-21k' }, ['resnet']],
    [{ training_data: 'none' }, ['gabor']],
    [{ training_data: '!none' }, ['resnet', 'vit', 'silent']],
    [{ date: '2020' }, ['vit', 'gabor']],
    [{ date: '2015-12' }, ['resnet']],
    [{ date: '..2020-09' }, ['resnet', 'gabor']],
    [{ date: '2020-10..' }, ['vit', 'gabor']],
    [{ date: '2020-11..2021' }, ['gabor']],
    [{ licence: '!unknown', date: '..2019' }, ['resnet']],
  ])('%j', (query, expected) => expect(shown(query)).toEqual(expected));

  it.each<[FactQuery]>([
    [{ family: '' }],
    [{ family: 'resnet,,vit' }],
    [{ family: '!!resnet' }],
    [{ family: 'a\u0000b' }],
    [{ parameters: 'many' }],
    [{ parameters: '30M..1M' }],
    [{ parameters: '..' }],
    [{ parameters: '1..2..3' }],
    [{ parameters: '1e9' }],
    [{ parameters: '-1' }],
    [{ date: '2019-13' }],
    [{ date: 'yesterday' }],
    [{ date: '2020..2019-06' }],
    [{ licence: Array(51).fill('mit').join() }],
  ])('refuses %j with its name', (query) => {
    const [name] = Object.keys(query);
    expect(() => readFactFilter(query)).toThrow(
      expect.objectContaining({
        code: 'invalid-request',
        message: expect.stringMatching(new RegExp(`^${name}: expected .* found "`)),
        details: expect.objectContaining({ field: `/query/${name}` }),
      }),
    );
  });
});
