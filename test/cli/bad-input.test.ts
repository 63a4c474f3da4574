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
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import yazl from 'yazl';
import { openZip, writeZip } from '../../src/formats/zip.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { ORACLE } from '../oracle.js';
import { runVentral } from './run-ventral.js';

/** Every way of the list in which input can be wrong, at the command line: one clear sentence, status 2, nothing left. */

let root: string;
let home: string;
let world: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-bad-'));
});
beforeEach(() => {
  world = mkdtempSync(join(root, 'world-'));
  home = mkdtempSync(join(root, 'home-'));
  cpSync(join(ORACLE, '09-end-to-end', 'neural-csv'), join(world, 'neural'), { recursive: true });
  cpSync(join(ORACLE, '09-end-to-end', 'behaviour'), join(world, 'behaviour'), { recursive: true });
  cpSync(join(ORACLE, '09-end-to-end', 'resnet'), join(world, 'resnet'), { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const at = (...parts: string[]) => join(world, ...parts);
const edit = (file: string, change: (text: string) => string) =>
  writeFileSync(at(file), change(readFileSync(at(file), 'utf8')));
const score = (...words: string[]) =>
  runVentral(
    home,
    'score',
    at('resnet', 'model.onnx'),
    '--card',
    at('resnet', 'card.yaml'),
    '--benchmark',
    at('neural', 'benchmark.yaml'),
    '--json',
    ...words,
  );

async function refused(
  run: Promise<{ status: number | null; out: string; err: string }>,
  ...words: (string | RegExp)[]
) {
  const { status, out, err } = await run;
  expect(err).not.toMatch(/internal|\n {4}at /);
  for (const word of words) expect(err).toMatch(word);
  expect(out === '' || out === '[]\n', out).toBe(true);
  expect(status).not.toBe(0);
  const left = existsSync(join(home, 'tmp')) ? readdirSync(join(home, 'tmp')) : [];
  expect(left).toEqual([]);
  return { status, err };
}

describe('the model', () => {
  test('is no ONNX file', async () => {
    writeFileSync(at('resnet', 'model.onnx'), 'not a model '.repeat(100));
    expect((await refused(score(), /model\.onnx.*not an ONNX/)).status).toBe(2);
  });
  test('is cut short', async () => {
    writeFileSync(
      at('resnet', 'model.onnx'),
      readFileSync(at('resnet', 'model.onnx')).subarray(0, 5000),
    );
    expect((await refused(score(), /model\.onnx/, /ends|cut|truncated/)).status).toBe(2);
  });
  test('needs an operator that the runtime lacks', async () => {
    const graph = new GraphBuilder('odd');
    graph.input('image', 'float32', ['N', 3, 48, 48]);
    graph.node('Sorcery', ['image'], { outputs: ['layer1'] });
    graph.output('layer1', 'float32', ['N', 3, 48, 48]);
    writeFileSync(at('resnet', 'model.onnx'), graph.build());
    expect((await refused(score('--layer', 'layer1'), /Sorcery/)).status).toBe(2);
  });
  test('has no such layer: the closest are offered', async () => {
    const { err } = await refused(score('--layer', 'layer2.O'), /layer2\.O/);
    expect(err).toMatch(/layer2\.0/);
  });
  test('has fewer units than components', async () => {
    // The 10 logits against 25 components.
    await refused(score('--layer', 'fc'), /10 .*25|25 .*10/);
  });
  test('takes another input size than the card says', async () => {
    edit('resnet/card.yaml', (text) => text.replaceAll('48', '64'));
    const graph = new GraphBuilder('fixed');
    graph.input('image', 'float32', ['N', 3, 48, 48]);
    graph.node('Relu', ['image'], { outputs: ['layer1'] });
    graph.output('layer1', 'float32', ['N', 3, 48, 48]);
    writeFileSync(at('resnet', 'model.onnx'), graph.build());
    await refused(score('--layer', 'layer1'), /48 × 48/, /64 × 64/);
  });
  test('has no card: one to complete is printed', async () => {
    const ran = runVentral(
      home,
      'score',
      at('resnet', 'model.onnx'),
      '--benchmark',
      at('neural', 'benchmark.yaml'),
    );
    expect(
      (await refused(ran, /no model card/, /visual_degrees: 8/, /region_layer_map/)).status,
    ).toBe(2);
  });
  test('has a card with a wrong key: line and column', async () => {
    edit('resnet/card.yaml', (text) => text.replace('visual_degrees', 'visual_degres'));
    expect(
      (await refused(score(), /card\.yaml:\d+:\d+/, /visual_degres/, /visual_degrees/)).status,
    ).toBe(2);
  });
  test('gives NaN: layer, stimulus and count are named', async () => {
    const graph = new GraphBuilder('nan');
    graph.input('image', 'float32', ['N', 3, 48, 48]);
    graph.node('Sqrt', ['image'], { outputs: ['layer1'] });
    graph.output('layer1', 'float32', ['N', 3, 48, 48]);
    writeFileSync(at('resnet', 'model.onnx'), graph.build());
    await refused(score('--layer', 'layer1'), /layer1/, /NaN or infinite/, /stimulus \w+_\d+/);
  });
});

describe('the stimuli', () => {
  const stimuli = () => readFileSync(at('neural', 'stimuli.csv'), 'utf8').trimEnd().split('\n');
  const repack = async (change: (name: string, bytes: Buffer) => Buffer | undefined) => {
    const zip = await openZip(at('neural', 'stimuli.zip'));
    const kept = [];
    for (const { name } of zip.entries) {
      const data = change(name, await zip.read(name));
      if (data) kept.push({ name, data, compress: false });
    }
    await zip.close();
    await writeZip(at('neural', 'stimuli.zip'), kept);
  };
  test('do not match the recordings', async () => {
    edit('neural/recordings.csv', (text) => text.replaceAll(/^obj_446,/gm, 'obj_9999,'));
    await refused(score(), /obj_9999|obj_446/);
  });
  test('have an id twice', async () => {
    const lines = stimuli();
    writeFileSync(at('neural', 'stimuli.csv'), `${[...lines, lines[1]].join('\n')}\n`);
    await refused(score(), /stimuli\.csv/, /Obj_757/);
  });
  test('lack an image', async () => {
    await repack((name, bytes) => (name.startsWith('Obj_757') ? undefined : bytes));
    await refused(score(), /Obj_757/);
  });
  test('hold a JPEG that is cut short', async () => {
    let cut = '';
    await repack((name, bytes) => {
      if (cut || !name.endsWith('.jpg')) return bytes;
      cut = name;
      return bytes.subarray(0, bytes.length / 2);
    });
    expect(cut).not.toBe('');
    await refused(score(), new RegExp(cut.replace('.', '\\.')), /cannot be decoded/);
  });
  test('come in a ZIP with an entry that escapes', async () => {
    const zip = new yazl.ZipFile();
    zip.addBuffer(Buffer.from('x'), 'aa/evil.png');
    zip.end();
    const chunks: Buffer[] = [];
    for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
    const bytes = Buffer.from(
      Buffer.concat(chunks).toString('latin1').replaceAll('aa/evil.png', '../evil.png'),
      'latin1',
    );
    writeFileSync(at('neural', 'stimuli.zip'), bytes);
    await refused(score(), /\.\.\/evil\.png/);
    expect(existsSync(at('evil.png'))).toBe(false);
  });
  test('are fewer than the splits need', async () => {
    const lines = stimuli();
    const few = lines.slice(0, 4);
    const ids = new Set(few.slice(1).map((line) => line.split(',')[0]));
    writeFileSync(at('neural', 'stimuli.csv'), `${few.join('\n')}\n`);
    edit('neural/recordings.csv', (text) =>
      text
        .split('\n')
        .filter((line, i) => i === 0 || ids.has(line.split(',')[0]))
        .join('\n'),
    );
    await refused(score(), /stimuli|members|class/);
  });
});

describe('the recordings', () => {
  test('are constant in every neuroid', async () => {
    edit('neural/recordings.csv', (text) =>
      text
        .split('\n')
        .map((line, i) =>
          i === 0 || !line
            ? line
            : [
                ...line.split(',').slice(0, 2),
                ...line
                  .split(',')
                  .slice(2)
                  .map(() => '1'),
              ].join(','),
        )
        .join('\n'),
    );
    await refused(score(), /constant/);
  });
  test('have one constant neuroid: it is dropped and reported', async () => {
    edit('neural/recordings.csv', (text) =>
      text
        .split('\n')
        .map((line, i) =>
          i === 0 || !line
            ? line
            : [...line.split(',').slice(0, 2), '1', ...line.split(',').slice(3)].join(','),
        )
        .join('\n'),
    );
    const { status, out } = await score();
    expect(status).toBe(0);
    const [v4] = JSON.parse(out);
    expect(v4.warnings.map(({ code }: { code: string }) => code)).toContain('neuroids-dropped');
    expect(v4.value).toBeGreaterThan(-1);
  });
});

describe('the benchmark', () => {
  test('has a wrong key: line and column', async () => {
    edit('neural/benchmark.yaml', (text) => text.replace('cross_validation', 'crossvalidation'));
    expect(
      (await refused(score(), /benchmark\.yaml:\d+:\d+/, /crossvalidation/, /cross_validation/))
        .status,
    ).toBe(2);
  });
  test('does not exist: the closest is offered', async () => {
    const ran = runVentral(
      home,
      'score',
      'pixels',
      '--benchmark',
      'FreemanZiemba2013public.V1-plss',
    );
    expect((await refused(ran, /FreemanZiemba2013public\.V1-pls"/)).status).toBe(2);
  });
  test('needs data that are not here: the command that brings them', async () => {
    const ran = runVentral(
      home,
      'score',
      'pixels',
      '--benchmark',
      'FreemanZiemba2013public.V1-pls',
    );
    expect((await refused(ran, /ventral data pull FreemanZiemba2013/)).status).toBe(2);
  });
  test('asks for labels that the head lacks', async () => {
    const ids = readFileSync(at('behaviour', 'test.csv'), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(','));
    const trials = ids.flatMap(([id, , label]) =>
      ['a', 'b'].map((subject) => `${id},${subject},${label},${label},0`),
    );
    writeFileSync(
      at('behaviour', 'labels.csv'),
      ['stimulus_id,subject,truth,choice,condition', ...trials, ''].join('\n'),
    );
    writeFileSync(
      at('behaviour', 'labels.yaml'),
      'identifier: labels\nversion: 1\nvisual_degrees: 8\nstimuli: { csv: test.csv, images: test.zip }\ntrials: labels.csv\nmetric: { name: error-consistency }\n',
    );
    const ran = runVentral(
      home,
      'score',
      at('resnet', 'model.onnx'),
      '--card',
      at('resnet', 'card.yaml'),
      '--benchmark',
      at('behaviour', 'labels.yaml'),
    );
    const { status } = await refused(ran, /lacks labels/, /zebra/);
    expect(status).toBe(2);
  });
});

describe('the command line', () => {
  test.each([
    [['score', 'pixels'], /--benchmark/],
    [['score', '--benchmark', 'Simulated.V1-pls'], /--features/],
    [['scoer'], /unknown command/],
    [['score', 'pixels', '--benchmark', 'Simulated.V1-pls', '--threads', 'many'], /--threads/],
    [
      ['score', 'pixels', '--benchmark', 'Simulated.V1-pls', '--max-memory', 'lots'],
      /--max-memory/,
    ],
    [['score', 'no-such-model', '--benchmark', 'Simulated.V1-pls'], /no-such-model/],
    [['score', '--features', 'nowhere.npz', '--benchmark', 'Simulated.V1-pls'], /nowhere\.npz/],
  ])('ventral %j is refused', async (words, sentence) => {
    const { status, err } = await runVentral(home, ...words);
    expect(err).toMatch(sentence);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(status).toBe(2);
  });
});
