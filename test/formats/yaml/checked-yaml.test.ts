import { expect, test } from 'vitest';
import { VentralError } from '../../../src/errors/ventral-error.js';
import { readCheckedYaml } from '../../../src/formats/yaml/checked-yaml.js';

const schema = { type: 'object', properties: { name: {} }, additionalProperties: false };
const read = (text: string) =>
  readCheckedYaml(text, { file: 'a.yaml', schema, code: 'card-invalid' });
const refusal = (text: string) => {
  try {
    read(text);
  } catch (error) {
    expect(error).toBeInstanceOf(VentralError);
    return (error as VentralError).message;
  }
  throw new Error('It was read');
};

test.each([
  ['a block', 'name: 1\nname: 2', 'a.yaml:2:1 Map keys must be unique'],
  ['a flow', '{ name: 1, "name": 2 }', 'a.yaml:1:12 Map keys must be unique'],
  ['a map inside', 'name:\n  - { x: 1, x: 2 }', 'a.yaml:2:13 Map keys must be unique'],
  ['JSON', '{"name": {"a": 1, "a": 1}}', 'a.yaml:1:19 Map keys must be unique'],
])('a key that stands twice in %s is refused where it stands', (_what, text, sentence) => {
  expect(refusal(text)).toBe(sentence);
});

test('keys that look alike and are not are read', () => {
  expect(read('name: { 1: a, "x": b, ~: c, [1]: d, [2]: e }').value).toBeDefined();
});

test('tens of thousands of keys are looked at once each, and few of them told of', () => {
  const keys = Array.from({ length: 40_000 }, (_, i) => `k${i}: 1`).join('\n');
  const sentence = refusal(keys);
  expect(sentence.split('; there is no').length).toBeLessThan(10);
  expect(sentence).toMatch(/^a\.yaml:1:1 there is no key "k0"/);
});
