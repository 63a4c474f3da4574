import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCard, type RegionLayerChoice } from '../../../src/activations/card/card.js';
import { wholeCard } from '../../../src/activations/card/whole-card.js';
import { cardOf, openModelFile } from '../../../src/activations/model-file.js';
import { CARD_KEY, setMetadata } from '../../../src/onnx/metadata.js';
import { readModel, writeModel } from '../../../src/onnx/model.js';
import type { Benchmark } from '../../../src/scoring/benchmark/benchmark.js';
import { regionLayer } from '../../../src/scoring/benchmark/layer-role.js';
import type { LoadedBenchmark } from '../../../src/scoring/measure/loaded-benchmark.js';
import { recordStimuli, sharesStimuli } from '../../../src/scoring/model/choice-stimuli.js';
import {
  commitChoice,
  type RoleChoice,
  writableCard,
} from '../../../src/scoring/model/commit-choice.js';
import { chooseLayers } from '../../../src/scoring/model/layer-choice.js';
import { madeNetwork, plainCard } from '../../activations/made-networks.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-commit-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => join(folder, name);

const record = (layer: string, benchmark = 'my.V1-pls'): RegionLayerChoice => ({
  layer,
  benchmark,
  version: 1,
  inputs: `sha256:${'0a'.repeat(32)}`,
  method: 'highest value over 3 layers',
  stimuli: recordStimuli(['aabbccddeeff00', '0011223344556677']),
});
const choice = (role: RoleChoice['role'], layer: string): RoleChoice => ({
  role,
  record: record(layer, `my.${role}`),
});

const yaml = `# How this network sees.
name: mine   # a name
input: { resize: none, range: 1, mean: [0, 0, 0], std: [1, 1, 1], layout: NCHW }
visual_degrees: 8   # as Brain-Score
region_layer_map: { V1: conv, IT: relu }   # by hand
`;

async function commit(choices: readonly RoleChoice[], name = 'net.onnx', source = {}) {
  await commitChoice(await writableCard(await openModelFile(at(name), source)), choices);
  return cardOf(await openModelFile(at(name), source));
}

describe('a choice is written', () => {
  beforeEach(() => writeFileSync(at('net.onnx'), madeNetwork().build()));

  test('into the YAML beside the model, whose comments and order stay', async () => {
    writeFileSync(at('net.yaml'), yaml);
    const card = await commit([
      choice('V1', 'relu'),
      choice('V2', 'conv'),
      choice('behavior', 'pool'),
    ]);
    expect(card.region_layer_map).toEqual({ V1: 'relu', IT: 'relu', V2: 'conv' });
    expect(card.readout).toBe('pool');
    expect(card.region_layer_choice?.V1).toEqual(record('relu', 'my.V1'));
    expect(card.region_layer_choice?.behavior).toEqual(record('pool', 'my.behavior'));
    const text = readFileSync(at('net.yaml'), 'utf8');
    for (const words of ['# How this network sees.', '# a name', '# as Brain-Score', '# by hand'])
      expect(text).toContain(words);
    // What the choice does not touch is as the person wrote it.
    const kept = yaml.split('\n').slice(0, -2);
    expect(text.split('\n').slice(0, kept.length)).toEqual(kept);
    expect(text).toContain('\nregion_layer_map: { V1: relu, IT: relu, V2: conv }   # by hand\n');
    // What a machine alone reads is in a file of its own.
    expect(text).toContain('stimuli: net.choices.json');
    expect(text).not.toContain(record('relu').stimuli);
    expect(readdirSync(folder).sort()).toEqual(['net.choices.json', 'net.onnx', 'net.yaml']);
  });

  test('so that the card before and the card after have their stimuli, whichever of them is there', async () => {
    writeFileSync(at('net.yaml'), yaml);
    const of = (inputs: string, stimuli: string): RoleChoice => ({
      role: 'V1',
      record: { ...record('relu'), inputs: `sha256:${inputs.repeat(32)}`, stimuli },
    });
    const first = await commit([of('0a', recordStimuli(['aabbccddeeff00']))]);
    const before = readFileSync(at('net.yaml'), 'utf8');
    const second = await commit([of('0b', recordStimuli(['ffeeddccbbaa00']))]);
    expect(second.region_layer_choice?.V1?.stimuli).toBe(recordStimuli(['ffeeddccbbaa00']));
    writeFileSync(at('net.yaml'), before);
    expect(cardOf(await openModelFile(at('net.onnx')))).toEqual(first);
  });

  test('over a record of before, which has its stimuli inside and still reads', async () => {
    const inside = { region_layer_choice: { V1: record('conv'), IT: record('relu') } };
    writeFileSync(
      at('net.yaml'),
      `${yaml}region_layer_choice: ${JSON.stringify(inside.region_layer_choice)}\n`,
    );
    const old = cardOf(await openModelFile(at('net.onnx')));
    expect(old.region_layer_choice).toEqual(inside.region_layer_choice);
    const card = await commit([choice('V1', 'relu')]);
    expect(card.region_layer_choice).toEqual({
      V1: record('relu', 'my.V1'),
      IT: record('relu'),
    });
    expect(readFileSync(at('net.yaml'), 'utf8')).toContain('net.choices.json');
  });

  test('beside the card itself where its path is a link', async () => {
    mkdirSync(at('cards'));
    writeFileSync(at('cards/shared.yaml'), yaml);
    symlinkSync(at('cards/shared.yaml'), at('net.yaml'));
    const card = await commit([choice('V1', 'relu')]);
    expect(card.region_layer_choice?.V1).toEqual(record('relu', 'my.V1'));
    expect(readdirSync(at('cards')).sort()).toEqual(['shared.choices.json', 'shared.yaml']);
  });

  test('and is whole for an upload, which has no files beside it', async () => {
    writeFileSync(at('net.yaml'), yaml);
    const card = await commit([choice('V1', 'relu')]);
    const whole = await wholeCard(at('net.yaml'));
    expect(parseCard(whole, 'card')).toEqual(card);
    expect(whole).toContain('# as Brain-Score');
    const bare = readFileSync(at('net.yaml'), 'utf8');
    expect(() => parseCard(bare, 'card')).toThrow(
      /V1.*stimuli are in net\.choices\.json.*card whole/,
    );
  });

  test.each([
    ['gone', undefined, /net\.choices\.json does not exist; it belongs beside the card/],
    ['no JSON', '{', /net\.choices\.json cannot be read/],
    ['something else', '{"a": "b"}', /net\.choices\.json is not a file of/],
    [
      'of another card',
      '{}',
      /stimuli are not in net\.choices\.json, which has none for sha256:0a/,
    ],
  ])(
    'and without its file, %s, the card is refused: no selection goes unmarked',
    async (_how, text, why) => {
      writeFileSync(at('net.yaml'), yaml);
      await commit([choice('V1', 'relu')]);
      if (text === undefined) rmSync(at('net.choices.json'));
      else writeFileSync(at('net.choices.json'), text);
      await expect(openModelFile(at('net.onnx'))).rejects.toMatchObject({
        code: 'card-invalid',
        message: expect.stringMatching(why),
      });
    },
  );

  test('in place of an earlier one', async () => {
    writeFileSync(at('net.yaml'), yaml);
    await commit([choice('V1', 'relu')]);
    const card = await commit([choice('V1', 'conv')]);
    expect(card.region_layer_choice).toEqual({ V1: record('conv', 'my.V1') });
  });

  test('into a card in JSON, which stays JSON', async () => {
    const { input, visual_degrees } = cardOf(
      await openModelFile(at('net.onnx'), { assume: 'imagenet' }),
    );
    writeFileSync(at('card.json'), JSON.stringify({ input, visual_degrees }));
    await commit([choice('V4', 'conv')], 'net.onnx', { file: at('card.json') });
    const card = JSON.parse(readFileSync(at('card.json'), 'utf8'));
    expect(card.region_layer_map).toEqual({ V4: 'conv' });
  });

  test('into the metadata of an ONNX file that carries its card', async () => {
    const model = readModel(readFileSync(at('net.onnx')), 'net');
    writeFileSync(at('net.onnx'), writeModel(setMetadata(model, CARD_KEY, yaml)));
    const before = await openModelFile(at('net.onnx'));
    const card = await commit([choice('V1', 'relu')]);
    const after = await openModelFile(at('net.onnx'));
    expect(card.region_layer_map).toEqual({ V1: 'relu', IT: 'relu' });
    expect(after.model.metadata.get(CARD_KEY)).toContain('# as Brain-Score');
    expect(after.digest).not.toBe(before.digest);
    expect(after.model.graph.nodes).toEqual(before.model.graph.nodes);
  });
});

describe('a choice is refused, and nothing is written', () => {
  beforeEach(() => writeFileSync(at('net.onnx'), madeNetwork().build()));

  test('where the card stands in no file', async () => {
    const bare = commit([choice('V1', 'relu')], 'net.onnx', { assume: 'imagenet' });
    await expect(bare).rejects.toMatchObject({ code: 'bad-usage', message: /has no card file/ });
    expect(readdirSync(folder)).toEqual(['net.onnx']);
  });

  test('for a model that comes with ventral', async () => {
    const shipped = writableCard(await openModelFile('pixels'));
    await expect(shipped).rejects.toMatchObject({ code: 'bad-usage', message: /copy/ });
  });

  test('where two benchmarks chose for one region', async () => {
    writeFileSync(at('net.yaml'), yaml);
    const two = [choice('V1', 'relu'), { role: 'V1' as const, record: record('conv') }];
    await expect(commit(two)).rejects.toMatchObject({ code: 'bad-usage', message: /both choose/ });
    expect(readFileSync(at('net.yaml'), 'utf8')).toBe(yaml);
  });

  test('where the map of the card is no map of its own', async () => {
    const shared = yaml.replace('{ V1: conv, IT: relu }', '&all { V1: conv }');
    const text = `${shared}region_layer_choice: *all\n`;
    writeFileSync(at('card.yaml'), text);
    const file = { kind: 'file', path: at('card.yaml') } as const;
    await expect(commitChoice(file, [choice('V1', 'relu')])).rejects.toMatchObject({
      code: 'card-invalid',
    });
    expect(readFileSync(at('card.yaml'), 'utf8')).toBe(text);
  });
});

describe('a score on pictures that the choice saw', () => {
  const digest = (word: string) => createHash('sha256').update(word).digest('hex');

  test('is told by their digests', () => {
    const words = fc.array(fc.string(), { maxLength: 20 });
    fc.assert(
      fc.property(words, words, (seen, shown) => {
        const stimuli = recordStimuli(seen.map(digest));
        expect(sharesStimuli({ stimuli }, shown.map(digest))).toBe(
          shown.some((word) => seen.includes(word)),
        );
        expect(recordStimuli(seen.reverse().map(digest))).toBe(stimuli);
      }),
    );
  });

  test('has the choice as its layerChoice, as long as the card gives that layer', () => {
    const benchmark = { id: 'other.V1-pls', region: 'V1' } as Benchmark;
    const loaded = { benchmark, layers: regionLayer(benchmark) } as unknown as LoadedBenchmark;
    const card = {
      ...plainCard(),
      region_layer_map: { V1: 'relu' },
      region_layer_choice: { V1: record('relu') },
    } as const;
    const { layer, stimuli, ...by } = record('relu');
    expect(chooseLayers(loaded, card)).toEqual({
      layers: [layer],
      choice: { by },
      record: { layer, stimuli, ...by },
    });
    const edited = { ...card, region_layer_map: { V1: 'conv' } };
    expect(chooseLayers(loaded, edited)).toEqual({ layers: ['conv'], choice: { by: 'card' } });
    const asked = chooseLayers(loaded, card, { V1: 'relu' });
    expect(asked).toEqual({ layers: ['relu'], choice: { by: 'flag' } });
  });
});
