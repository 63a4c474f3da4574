import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, parseDocument, stringify } from 'yaml';
import { editYaml } from '../../../src/formats/yaml/edit-yaml.js';

const card = `# How this network sees.

name:   mine      # a name
mean: [ 0.485,0.456,  0.406 ]   # of ImageNet
note: "quoted, 'both' ways"
folded: >-
  several
  lines

regions:          # by hand
    V1:  conv1    # first
    # the second is odd
    V2: 'conv2'


# behaviour
last: 1
`;
const lines = (text: string) => text.split('\n');

/** Lines that one text has and the other has not. */
const changed = (before: string, after: string) => ({
  gone: lines(before).filter((line) => !lines(after).includes(line)),
  come: lines(after).filter((line) => !lines(before).includes(line)),
});

describe('an edit changes the lines that it must', () => {
  test('a value, beside its comment', () => {
    const after = editYaml(card, [{ path: ['regions', 'V1'], value: 'layer1.0' }]);
    expect(changed(card, after)).toEqual({
      gone: ['    V1:  conv1    # first'],
      come: ['    V1:  layer1.0    # first'],
    });
  });

  test('none where the value is there', () => {
    expect(editYaml(card, [{ path: ['regions', 'V2'], value: 'conv2' }])).toBe(card);
  });

  test('a new entry, with the indentation of its map', () => {
    const after = editYaml(card, [{ path: ['regions', 'V4'], value: 'layer3: odd' }]);
    expect(changed(card, after)).toEqual({ gone: [], come: ['    V4: "layer3: odd"'] });
    expect(after.indexOf('V4')).toBeLessThan(after.indexOf('# behaviour'));
  });

  test('a new map at the end, with or without a line end there', () => {
    const record = { layer: 'conv1', version: 2, method: 'highest value' };
    const edit = [{ path: ['choice', 'V1'], value: record }];
    for (const text of [card, card.trimEnd()]) {
      const after = editYaml(text, edit);
      expect(after.startsWith(text)).toBe(true);
      expect(parse(after).choice).toEqual({ V1: record });
      const newer = editYaml(after, [{ ...edit[0], value: { ...record, version: 3 } }]);
      expect(changed(after, newer)).toEqual({ gone: ['    version: 2'], come: ['    version: 3'] });
    }
  });

  test('with the line ends of the text', () => {
    const dos = card.replaceAll('\n', '\r\n');
    const after = editYaml(dos, [{ path: ['regions', 'V4'], value: 'pool' }]);
    expect(changed(dos, after)).toEqual({ gone: [], come: ['    V4: pool\r'] });
  });

  test('within a flow map', () => {
    const flow = 'a: { V1: conv, V2: relu }   # by hand\nb: {}\n';
    expect(editYaml(flow, [{ path: ['a', 'V1'], value: 'x, y' }])).toBe(
      'a: { V1: "x, y", V2: relu }   # by hand\nb: {}\n',
    );
    expect(editYaml(flow, [{ path: ['a', 'V4'], value: 'pool' }])).toBe(
      'a: { V1: conv, V2: relu, V4: pool }   # by hand\nb: {}\n',
    );
    expect(editYaml(flow, [{ path: ['b', 'V1', 'layer'], value: 'pool' }])).toBe(
      'a: { V1: conv, V2: relu }   # by hand\nb: { V1: {"layer":"pool"} }\n',
    );
  });
});

test('an unusual place is written anew, comments kept', () => {
  const list = 'a: # word\n  - conv\n  - relu\nb: 1\n';
  const after = editYaml(list, [{ path: ['a'], value: 'pool' }]);
  expect(parse(after)).toEqual({ a: 'pool', b: 1 });
  const empty = editYaml('', [{ path: ['a', 'b'], value: 1 }]);
  expect(parse(empty)).toEqual({ a: { b: 1 } });
});

test('whatever the text is, it says afterwards what a document says', () => {
  const key = fc.constantFrom('a', 'b', 'region layer', 'x: y', '1');
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('yes', 'null', '1', '# no', '- a', "it's", ''),
  );
  const tree = fc.dictionary(key, fc.oneof(word, fc.dictionary(key, word), fc.array(word)));
  const edit = fc.record({
    path: fc.array(key, { minLength: 1, maxLength: 2 }),
    value: fc.oneof(word, fc.integer(), fc.dictionary(key, word, { minKeys: 1 })),
  });
  fc.assert(
    fc.property(tree, edit, fc.boolean(), (value, { path, value: to }, flow) => {
      const text = stringify(value, { collectionStyle: flow ? 'flow' : 'block', indent: 4 });
      const document = parseDocument(text);
      let refused = false;
      try {
        document.setIn(path, typeof to === 'object' ? document.createNode(to) : to);
      } catch {
        refused = true;
      }
      if (refused) expect(() => editYaml(text, [{ path, value: to }])).toThrow();
      else expect(parse(editYaml(text, [{ path, value: to }]))).toEqual(parse(document.toString()));
    }),
    { seed: 20261201, numRuns: 500 },
  );
});
