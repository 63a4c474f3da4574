import { expect, test } from 'vitest';
import { cardTemplate, openFields } from '../../../src/activations/card/card-template.js';
import { askCard } from '../../../src/cli/terminal/ask-card.js';

const draft = { name: 'net', hints: { layers: ['conv1', 'layer1.0', 'layer2.0', 'avgpool'] } };

/** Somebody who gives these answers, and what they were told. */
function person(...answers: string[]) {
  const told: string[] = [];
  const asked: string[] = [];
  return {
    told,
    asked,
    questions: {
      say: (text: string) => void told.push(text),
      ask: async (question: string) => {
        asked.push(question);
        return answers.shift() ?? '';
      },
    },
  };
}

test('a person who answers everything leaves nothing open', async () => {
  const { questions, told } = person(
    'torchvision',
    '64',
    '8',
    'avgpool',
    'conv1',
    'conv1',
    'layer1.0',
    'layer2.0',
  );
  const hints = await askCard(draft, questions);
  expect(openFields(hints)).toEqual([]);
  expect(cardTemplate('net', hints)).toContain(
    'region_layer_map: { V1: conv1, V2: conv1, V4: layer1.0, IT: layer2.0 }',
  );
  expect(told.join('\n')).toMatch(/brain-score: resized to a square/);
});

test('wrong answers are asked again with what would do; empty ones stay open', async () => {
  const { questions, told, asked } = person('imagenet', '', '-3', '224', '400', '', 'avgpol', '');
  const hints = await askCard(draft, questions);
  expect(told.join('\n')).toMatch(/One of torchvision, brain-score/);
  expect(told.join('\n')).toMatch(/A number up to 8192/);
  expect(told.join('\n')).toMatch(/No such layer; closest: avgpool/);
  expect(hints).toMatchObject({ size: 224, regions: {} });
  expect(openFields(hints)).toEqual([
    'input.resize',
    'input.range',
    'input.mean',
    'input.std',
    'visual_degrees',
    'readout',
    'region_layer_map',
  ]);
  expect(asked.filter((question) => question.startsWith('Layer for'))).toHaveLength(4);
});

test('nobody is asked for what the file says', async () => {
  const { questions, asked } = person();
  await askCard({ ...draft, hints: { ...draft.hints, size: 96 } }, questions);
  expect(asked.join()).not.toMatch(/Side of the input/);
});
