import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCard } from '../../src/activations/card/card.js';
import { cardTemplate, openFields } from '../../src/activations/card/card-template.js';
import { draftCard } from '../../src/activations/init-card.js';
import { measureLayers } from '../../src/activations/measure-layers.js';
import { cardOf, openModelFile, shippedModels } from '../../src/activations/model-file.js';
import { readModel, writeModelWithGraph } from '../../src/onnx/model.js';
import { bytesRecord, concatenate, integerRecord } from '../../src/onnx/wire.js';
import { madeNetwork, plainCard } from './made-networks.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-models-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const write = (name: string, content: string | Uint8Array) => writeFileSync(at(name), content);
const cardNamed = (name: string) => JSON.stringify({ name, ...plainCard() });

describe('the card of a model', () => {
  const everywhere = () => {
    const graph = madeNetwork();
    graph.metadata('ventral.card', cardNamed('embedded'));
    write('net.onnx', graph.build());
    write('net.yaml', cardNamed('beside'));
    write('other.yaml', cardNamed('asked for'));
  };

  test.each([
    ['given', { card: { name: 'given', ...plainCard() }, file: 'other.yaml', assume: 'imagenet' }],
    ['asked for', { file: 'other.yaml', assume: 'imagenet' }],
    ['embedded', { assume: 'imagenet' }],
  ])('is the one %s before the others', async (name, source) => {
    everywhere();
    const file = 'file' in source ? { file: at(source.file) } : {};
    expect((await openModelFile(at('net.onnx'), { ...source, ...file })).name).toBe(name);
  });

  test('may lie beside a file that carries none, before an assumption', async () => {
    everywhere();
    write('net.onnx', madeNetwork().build());
    expect((await openModelFile(at('net.onnx'), { assume: 'imagenet' })).name).toBe('beside');
  });

  test('is assumed where there is no other, and says so', async () => {
    write('net.onnx', madeNetwork().build());
    const assumed = await openModelFile(at('net.onnx'), { assume: 'imagenet' });
    expect(assumed.name).toBe('net');
    expect(cardOf(assumed)).toMatchObject({ assumed: 'imagenet', visual_degrees: 8 });
    await expect(openModelFile(at('net.onnx'), { assume: 'cifar' })).rejects.toMatchObject({
      code: 'bad-usage',
      message: expect.stringContaining('cifar'),
    });
  });

  test('is missed with one to complete', async () => {
    write('net.onnx', madeNetwork().build());
    const file = await openModelFile(at('net.onnx'));
    expect(() => cardOf(file)).toThrow(/no model card[\s\S]*visual_degrees: 8/);
  });

  test('names its file, and a folder is opened by its card', async () => {
    write('net.onnx', madeNetwork().build());
    const card = { name: 'of the folder', file: 'net.onnx', ...plainCard() };
    write('model.yaml', JSON.stringify(card));
    for (const path of [folder, at('model.yaml')])
      expect((await openModelFile(path)).name).toBe('of the folder');
    write('model.yaml', JSON.stringify({ ...card, file: 'gone.onnx' }));
    await expect(openModelFile(folder)).rejects.toMatchObject({
      code: 'file-missing',
      message: expect.stringContaining('gone.onnx'),
    });
  });

  test('may not build code of its own', async () => {
    write('model.yaml', JSON.stringify({ build: 'build.js', ...plainCard() }));
    await expect(openModelFile(folder)).rejects.toMatchObject({ code: 'card-invalid' });
  });
});

describe('shipped models', () => {
  test('are opened by name', async () => {
    const names = await shippedModels();
    expect(names).toEqual(expect.arrayContaining(['gabor-v1', 'pixels', 'untrained-cnn']));
    for (const name of names) {
      const file = await openModelFile(name);
      expect(file.name).toBe(name);
      expect(file.digest).toBe((await openModelFile(name)).digest);
    }
  });

  test('are offered for a name that is close', async () => {
    await expect(openModelFile('gabor-v2')).rejects.toMatchObject({
      code: 'file-missing',
      message: expect.stringContaining('"gabor-v1"'),
    });
  });
});

describe('external data', () => {
  /** The made network with the weights of its convolution in another file. */
  function outside(location: string): Uint8Array {
    const model = readModel(madeNetwork().build(), 'made');
    const entry = bytesRecord(
      13,
      concatenate([bytesRecord(1, 'location'), bytesRecord(2, location)]),
    );
    const weight = concatenate([
      ...[4, 3, 3, 3].map((size) => integerRecord(1, size)),
      integerRecord(2, 1),
      bytesRecord(8, 'conv.weight'),
      entry,
      integerRecord(14, 1),
    ]);
    const { initializers, records } = model.graph;
    const place = initializers.findIndex(({ name }) => name === 'conv.weight');
    let seen = 0;
    const pieces = records.map((record) =>
      record.field === 5 && seen++ === place ? bytesRecord(5, weight) : record.raw,
    );
    return writeModelWithGraph(model, pieces);
  }
  const weights = () => {
    const model = readModel(madeNetwork().build(), 'made');
    const found = model.graph.initializers.find(({ name }) => name === 'conv.weight');
    if (found?.data.at !== 'raw') throw new Error('the weights are elsewhere');
    return found.data.bytes;
  };

  test('beside the model is part of it', async () => {
    mkdirSync(at('weights'));
    write('weights/conv.bin', weights());
    write('net.onnx', outside('weights/conv.bin'));
    const first = await openModelFile(at('net.onnx'));
    const relu = async () =>
      (await measureLayers(at('net.onnx'))).find(({ name }) => name === 'conv')?.shape;
    expect(await relu()).toEqual([4, 112, 112]);
    const weight = first.model.graph.initializers.find(({ name }) => name === 'conv.weight');
    expect(weight?.data).toMatchObject({ at: 'raw', bytes: weights() });
    const other = weights().slice();
    other[0] ^= 1;
    write('weights/conv.bin', other);
    expect((await openModelFile(at('net.onnx'))).digest).not.toBe(first.digest);
  });

  test.each(['../conv.bin', '/conv.bin', 'link.bin', 'gone.bin'])(
    'at %s is refused',
    async (name) => {
      mkdirSync(at('model'));
      write('conv.bin', weights());
      symlinkSync(at('conv.bin'), at('model/link.bin'));
      write('model/net.onnx', outside(name));
      await expect(openModelFile(at('model/net.onnx'))).rejects.toMatchObject({
        code: 'onnx-external-data',
        message: expect.stringContaining(name),
      });
    },
  );
});

describe('a card to complete', () => {
  test.each([
    [{}, { layout: 'NCHW', to: 224 }],
    [{ side: 96 } as const, { layout: 'NCHW', to: 96 }],
    [{ side: 48, layout: 'NHWC' } as const, { layout: 'NHWC', to: 48 }],
  ])('takes from the file what it says: %j', async (input, { layout, to }) => {
    write('my net.onnx', madeNetwork(input).build());
    const { name, hints } = await draftCard(at('my net.onnx'));
    const text = cardTemplate(name, hints);
    const card = parseCard(text.replaceAll('NAME', 'pool'), 'completed');
    expect(card).toMatchObject({
      name: 'my net',
      input: { resize: { to }, crop: to, layout },
      readout: 'pool',
      region_layer_map: { V1: 'pool', IT: 'pool' },
    });
    expect(text).toContain('#   conv');
  });

  test('says how many values the last output has, and what is open', async () => {
    write('outputs.onnx', madeNetwork().build());
    // As the shell leaves it: `ventral card init outputs.onnx > outputs.yaml`.
    write('outputs.yaml', '');
    const { hints } = await draftCard(at('outputs.onnx'));
    expect(hints.output!.values).toBeGreaterThan(0);
    expect(openFields(hints)).toEqual(
      expect.arrayContaining(['input.resize', 'input.mean', 'visual_degrees', 'readout']),
    );
    expect(cardTemplate('n', hints).match(/# TODO: /g)).toHaveLength(openFields(hints).length);
  });

  test('has nothing open once everything is said', () => {
    const regions = { V1: 'a', V2: 'a', V4: '/b/Relu_output_0', IT: 'c' };
    const hints = { size: 48, preset: 'torchvision', degrees: 6, readout: 'c', regions } as const;
    expect(openFields(hints)).toEqual([]);
    const text = cardTemplate('whole', hints);
    expect(text).not.toContain('TODO');
    expect(parseCard(text, 'whole')).toMatchObject({
      input: { resize: { to: 55, mode: 'short-side' }, crop: 48, std: [0.229, 0.224, 0.225] },
      visual_degrees: 6,
      region_layer_map: regions,
    });
  });

  test('of Caffe’s networks has blue first', () => {
    const { input } = parseCard(cardTemplate('squeeze', { preset: 'caffe', size: 227 }), 'squeeze');
    expect(input).toMatchObject({ range: 255, mean: [104, 117, 123], channels: 'BGR', crop: 227 });
  });

  test('takes mean and deviation from the normalizer of an imported network', () => {
    const normalizer = { mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6000000238418579] };
    const text = cardTemplate('robust', { normalizer, preset: 'minus-one-to-one' });
    expect(text).toContain('mean: [0.1, 0.2, 0.3]\n');
    expect(text).toContain('std: [0.4, 0.5, 0.6]\n');
    expect(openFields({ normalizer })).not.toContain('input.mean');
  });

  test('is a card by itself, but for the names', () => {
    expect(() => parseCard(cardTemplate('x: "y" #'), 'template')).not.toThrow();
  });
});

test('layers come with their shapes, whatever the input is', async () => {
  for (const input of [
    {},
    { dtype: 'uint8' },
    { dtype: 'float16', layout: 'NHWC', side: 32 },
  ] as const) {
    write('net.onnx', madeNetwork(input).build());
    const layers = await measureLayers(at('net.onnx'));
    const side = 'side' in input ? 16 : 112;
    expect(layers.find(({ name }) => name === 'relu')).toMatchObject({
      shape: [4, side, side],
      units: 4 * side * side,
    });
    expect(layers.find(({ name }) => name === 'pool')).toMatchObject({
      shape: [4, 1, 1],
      units: 4,
    });
  }
});

describe('a checkpoint of another framework', () => {
  const written = (name: string, bytes: Uint8Array) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const header = Buffer.from('{"a":{}}');
  const safetensors = Buffer.concat([Buffer.from([8, 0, 0, 0, 0, 0, 0, 0]), header]);

  test.each([
    ['net.pth', Buffer.from('PK\u0003\u0004'), / --arch NAME -o net\.onnx \(or --graph/],
    ['net.pt', Buffer.from([0x80, 2, 0x8a]), / --arch NAME -o net\.onnx \(or --graph/],
    ['NET.PTH', Buffer.alloc(0), / --arch NAME -o NET\.onnx /],
    ['net.safetensors', safetensors, / --arch NAME -o net\.onnx \(or --graph/],
    ['net.h5', Buffer.from('\u0089HDF\r\n\u001a\n', 'latin1'), /net\.h5 -o net\.onnx$/],
    ['net.keras', Buffer.from('PK\u0003\u0004'), /net\.keras -o net\.onnx$/],
    ['net.tflite', Buffer.from('\u001c\0\0\0TFL3', 'latin1'), /net\.tflite -o net\.onnx$/],
  ])('%s says how it is imported, in one line', async (name, bytes, how) => {
    const path = written(name, bytes);
    const error = await openModelFile(path, { assume: 'imagenet' }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: 'not-onnx', details: { file: path } });
    expect(error.message).toMatch(/, not an ONNX model; import it first: ventral import /);
    expect(error.message).toMatch(how);
    expect(error.message).not.toContain('\n');
  });

  test('by its ending alone is none: ONNX is read whatever its name', async () => {
    const { name } = await openModelFile(written('net.pth', madeNetwork().build()));
    expect(name).toBe('net');
  });
});
