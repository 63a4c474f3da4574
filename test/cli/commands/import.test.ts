import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { IMPORT_KEY } from '../../../src/activations/card/import-record.js';
import { runCommandLine } from '../../../src/cli/command-line.js';
import type { ImportReport } from '../../../src/importing/import-checkpoint.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import { getMetadata } from '../../../src/onnx/metadata.js';
import { readModel } from '../../../src/onnx/model.js';
import { ORACLE } from '../../oracle.js';
import { runVentral } from '../run-ventral.js';

const fixture = (name: string) => join(import.meta.dirname, '../..', 'fixtures', name);
const graft = (name: string) => fixture(join('graft', name));

let root: string;
const at = (name: string) => join(root, name);
const run = (...words: string[]) => runVentral(at('home'), ...words);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-import-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The network of `trained.pth`: a convolution, a batch norm, a classifier. */
function smallGraph(): Uint8Array {
  const graph = new GraphBuilder('small');
  const ones = (name: string, dims: number[]) =>
    graph.initializer(
      name,
      dims,
      new Float32Array(dims.reduce((a, b) => a * b, 1)).map((_, i) => i + 1),
    );
  const image = graph.input('image', 'float32', ['batch', 1, 'height', 'width']);
  const conv = [image, ones('conv.weight', [2, 1, 3, 3]), ones('conv.bias', [2])];
  const map = graph.node('Conv', conv, { name: '/conv/Conv' });
  const norm = ['weight', 'bias', 'running_mean', 'running_var'].map((leaf) =>
    ones(`norm.${leaf}`, [2]),
  );
  const normed = graph.node('BatchNormalization', [map, ...norm], { name: '/norm/Norm' });
  const pooled = graph.node('GlobalAveragePool', [normed], { name: '/pool/Pool' });
  const flat = graph.node('Flatten', [pooled], { name: '/Flatten' });
  const head = [flat, ones('fc.weight', [3, 2]), ones('fc.bias', [3])];
  graph.output(graph.node('Gemm', head, { name: '/fc/Gemm', attributes: { transB: { int: 1 } } }));
  return graph.build();
}

/** The classifier of `resnet.pth` alone. */
function tailGraph(): Uint8Array {
  const graph = new GraphBuilder('tail');
  const image = graph.input('image', 'float32', ['batch', 10, 4, 4]);
  const pooled = graph.node('GlobalAveragePool', [image], { name: '/avgpool/Pool' });
  const flat = graph.node('Flatten', [pooled], { name: '/Flatten' });
  const weight = graph.initializer('fc.weight', [7, 10], new Float32Array(70));
  const bias = graph.initializer('fc.bias', [7], new Float32Array(7));
  graph.output(
    graph.node('Gemm', [flat, weight, bias], {
      name: '/fc/Gemm',
      attributes: { transB: { int: 1 } },
    }),
  );
  return graph.build();
}

describe('ventral import', () => {
  test('puts a checkpoint into an export, and says so where nothing proves it', async () => {
    const words = [graft('resnet.pth'), '--graph', graft('resnet.onnx'), '-o', at('plain.onnx')];
    const { status, out, err } = await run('import', ...words);
    expect([status, err]).toEqual([0, '']);
    expect(out).toMatch(/^source\tpytorch, state_dict$/m);
    expect(out).toMatch(/^loaded\t32 of 32 tensors$/m);
    expect(out).toMatch(/^left out\t6 tensors: counts batches of the training$/m);
    expect(out).toMatch(/^proved\tnot proved: no reference outputs were given \(--reference\)/m);
    const bytes = readFileSync(at('plain.onnx'));
    const digest = createHash('sha256').update(bytes).digest('hex');
    expect(out).toContain(`written\t${at('plain.onnx')} sha256:${digest}`);
    const record = JSON.parse(getMetadata(readModel(bytes, 'plain'), IMPORT_KEY)!);
    expect(record).toMatchObject({ source: { file: 'resnet.pth' }, proved: false });
  });

  test('proves it by what PyTorch gave, and finds the epsilon that a folded graph does not say', async () => {
    const { status, out } = await run(
      'import',
      graft('mobilenet.pth'),
      ...['--graph', graft('mobilenet-folded.onnx'), '--reference', graft('mobilenet.npz')],
      ...['-o', at('mobilenet.onnx'), '--json'],
    );
    expect(status).toBe(0);
    const report: ImportReport = JSON.parse(out);
    expect(report).toMatchObject({
      proved: true,
      keys: { loaded: 45, total: 45 },
      proof: { tolerance: 1e-4 },
    });
    expect(report.proof!.layers).toHaveLength(29);
    for (const { difference } of report.proof!.layers) expect(difference).toBeLessThan(1e-5);
    expect(report.proof!.notCompared).toHaveLength(7);
    expect(report.notes.join()).toMatch(
      /epsilon 1e-3 \(with which it gives the reference outputs\)/,
    );
    const record = getMetadata(readModel(readFileSync(at('mobilenet.onnx')), 'm'), IMPORT_KEY)!;
    expect(JSON.parse(record)).toMatchObject({ proved: true, proof: { layers: 29 } });
  });

  test('takes the moving average where it is asked for, and says where a file has one', async () => {
    const [net, average] = [graft('resnet.pth'), fixture('checkpoints/trained.pth')];
    const words = ['--graph', at('small.onnx'), '--force', '-o', at('averaged.onnx')];
    writeFileSync(at('small.onnx'), smallGraph());
    const plain = await run('import', average, ...words);
    expect(plain.err).toBe(
      'note: "state_dict" was taken, not the moving average "state_dict_ema": --ema takes that\n',
    );
    expect(plain.out).toMatch(/^source\tpytorch, state_dict$/m);
    const taken = await run('import', average, ...words, '--ema');
    expect(taken.err).toBe('note: "state_dict_ema", a moving average of the weights, was taken\n');
    expect(taken.out).toMatch(/^source\tpytorch, state_dict_ema$/m);
    const none = await run('import', net, '--graph', graft('resnet.onnx'), ...words.slice(2));
    expect(none.err).toBe('');
  });

  test('leaves out what it is told to, and says which option would', async () => {
    const words = [graft('resnet.pth'), '--graph', at('tail.onnx'), '-o', at('tail-imported.onnx')];
    writeFileSync(at('tail.onnx'), tailGraph());
    const refused = await run('import', ...words);
    expect(refused.status).toBe(2);
    expect(refused.err).toMatch(
      /; --ignore leaves tensors out by a glob, such as --ignore "module\.\*"/,
    );
    const ignored = ['--ignore', 'module.conv1.*', '--ignore', 'module.{bn1,layer?}.*'];
    const { status, out } = await run('import', ...words, ...ignored);
    expect(status).toBe(0);
    expect(out).toMatch(/^left out\t1 tensors: left out by --ignore module\.conv1\.\*$/m);
  });

  test('takes whole networks of Keras, run by TensorFlow.js or held against stored outputs', async () => {
    const keras = (name: string) => fixture(join('keras', name));
    const ran = await run('import', keras('keras2-mobile.h5'), '-o', at('keras.onnx'));
    expect(ran.status).toBe(0);
    expect(ran.out).toMatch(
      /^proved\t\d+ layers compared with @tensorflow\/tfjs.*; largest difference/m,
    );
    const words = [keras('keras3-modern.keras'), '-o', at('modern.onnx')];
    const reference = ['--reference', keras('keras3-modern.npz')];
    const held = await run('import', ...words, ...reference);
    expect(held.out).toMatch(/^proved\t\d+ layers compared with .*keras3-modern\.npz;/m);
  });

  test('what was imported maps and scores like any other network', async () => {
    cpSync(at('plain.onnx'), at('mine.onnx'));
    const card = await run('card', 'init', at('mine.onnx'));
    expect(card.err).toMatch(/^Not set, marked # TODO: input\.resize, /);
    writeFileSync(
      at('mine.yaml'),
      card.out.replace(/V4: NAME/, 'V4: layer1.0').replaceAll('NAME', 'avgpool'),
    );
    const bench = join(ORACLE, '09-end-to-end', 'neural-csv', 'benchmark.yaml');
    const map = await run('map', at('mine.onnx'), '-b', bench, '--layers', 'layer*', '--json');
    expect(map.status).toBe(0);
    expect(Object.keys(JSON.parse(map.out).chosen)).toHaveLength(2);
    const score = await run('score', at('mine.onnx'), '-b', bench, '--json');
    const [v4] = JSON.parse(score.out);
    expect(v4).toMatchObject({ layer: 'layer1.0', region: 'V4' });
    expect(Number.isFinite(v4.value)).toBe(true);
  });
});

describe('nothing is written', () => {
  /** In this process, which is sooner done. */
  const refused = async (...words: string[]) => {
    const before = readdirSync(root).sort();
    let [out, err] = ['', ''];
    const status = await runCommandLine(
      ['node', 'ventral', 'import', ...words, '-o', at('refused.onnx')],
      {
        out: (text) => {
          out += text;
        },
        err: (text) => {
          err += text;
        },
        interactive: false,
        color: false,
      },
    );
    expect(readdirSync(root).sort()).toEqual(before);
    return { status, out, err };
  };

  test('where keys do not fit: the first twenty of a kind are shown, all with --json', async () => {
    const words = [graft('mobilenet.pth'), '--graph', graft('resnet.onnx')];
    const { status, out, err } = await refused(...words);
    expect(status).toBe(2);
    expect(err).toMatch(
      /^ventral: .*mobilenet\.pth does not fit the network: 4 of 32 tensors loaded, 28 missing \(.*nothing was written\n$/,
    );
    expect(out.match(/^missing\t/gm)).toHaveLength(21);
    expect(out).toMatch(/^missing\tand 8 more\t/m);
    expect(out).toMatch(/^unexpected\tmodule\.conv_stem\.weight\t/m);
    const all = await refused(...words, '--json');
    expect(all.status).toBe(2);
    const { keys } = JSON.parse(all.out);
    expect(keys.missing).toHaveLength(28);
    expect(keys.unexpected).toHaveLength(39);
  });

  test('where a layer differs from what the source gave', async () => {
    const words = ['--graph', graft('mobilenet.onnx'), '--reference', graft('mobilenet.npz')];
    const other = fixture(join('graft', 'resnet.pth'));
    expect((await refused(other, ...words)).status).toBe(2);
    const resnet = [graft('resnet.pth'), '--graph', graft('resnet.onnx')];
    // The reference of the other network has the same input, and a conv_stem that this one does not know.
    const { status, err } = await refused(...resnet, '--reference', graft('mobilenet.npz'));
    expect(status).toBe(1);
    expect(err).toMatch(/^ventral: .* differs from .*mobilenet\.npz|gives no layer/);
  });

  test.each([
    [[graft('resnet.pth')], 2, /give either --arch NAME or --graph/],
    [
      [graft('resnet.pth')],
      2,
      /an export of the network by torch\.onnx\.export\(model\.eval\(\), .*do_constant_folding=False\)$/m,
    ],
    [
      [graft('resnet.pth'), '--arch', 'swin'],
      2,
      /for any other network give --graph, an ONNX export of it by torch\.onnx\.export\(/,
    ],
    [
      [graft('resnet.pth'), '--arch', 'resnet-50', '--graph', graft('resnet.onnx')],
      2,
      /either --arch/,
    ],
    [
      [graft('transformer.pth'), '--arch', 'resnet-20'],
      2,
      /0 of \d+ tensors loaded, .*names of the file begin with module\.: --prefix .*; if it is another network, give --graph, .*torch\.onnx\.export.*; nothing was written$/m,
    ],
    [
      [graft('resnet.pth'), '--graph', graft('resnet.onnx'), '--ema'],
      2,
      /--ema: none of its names says that it is a moving average; it holds state dicts "state_dict"/,
    ],
    [
      [graft('resnet.pth'), '--graph', graft('resnet.onnx'), '--ema', '--key', 'state_dict'],
      2,
      /give either --key or --ema/,
    ],
    [
      [graft('resnet.pth'), '--graph', graft('resnet.onnx'), '--prefix', 'teacher'],
      2,
      /no tensor stands under --prefix teacher; its names begin with module\./,
    ],
    [
      [graft('resnet.pth'), '--graph', graft('resnet.onnx'), '--ignore', 'head.*'],
      2,
      /--ignore head\.\* fits no tensor of the file/,
    ],
    [
      [fixture('keras/keras2-mobile.h5'), '--without-head'],
      2,
      /--without-head is for state dicts; this file holds a whole network \(keras\)/,
    ],
    [
      [graft('resnet.pth'), '--arch', 'resnet-5'],
      2,
      /expected resnet-50, .*did you mean "resnet-50"/,
    ],
    [[graft('resnet.pth'), '--graph', graft('resnet.npz')], 2, /is not an ONNX model: found a ZIP/],
    [[graft('resnet.pth'), '--graph', 'absent.onnx'], 2, /absent\.onnx is neither a file/],
    [['absent.pth', '--arch', 'resnet-50'], 2, /absent\.pth/],
    [[fixture('keras/keras2-mobile.h5'), '--arch', 'resnet-50'], 2, /--arch is for state dicts/],
    [[graft('make.py'), '--arch', 'resnet-50'], 2, /make\.py/],
    [
      [graft('resnet.pth'), '--graph', graft('resnet.onnx'), '--reference', 'absent.npz'],
      2,
      /absent\.npz/,
    ],
    [[graft('resnet.pth'), '--graph', graft('resnet.onnx'), '--key', 'ema'], 2, /ema/],
  ])('for %j', async (words, wanted, sentence) => {
    const { status, err } = await refused(...words);
    expect(err).toMatch(sentence);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(status).toBe(wanted);
  });

  test('over a file that is there, unless --force says so', async () => {
    writeFileSync(at('there.onnx'), 'mine');
    const words = [
      'import',
      graft('resnet.pth'),
      '--graph',
      graft('resnet.onnx'),
      '-o',
      at('there.onnx'),
    ];
    const { status, err } = await run(...words);
    expect([status, err]).toEqual([
      2,
      `ventral: ${at('there.onnx')} exists already; --force replaces it\n`,
    ]);
    expect(readFileSync(at('there.onnx'), 'utf8')).toBe('mine');
    expect((await run(...words, '--force')).status).toBe(0);
    expect(existsSync(at('there.onnx'))).toBe(true);
    expect(readFileSync(at('there.onnx')).length).toBeGreaterThan(1000);
  });
});
