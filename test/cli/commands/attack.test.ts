import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../../../src/cli/command-line.js';
import type { Io } from '../../../src/cli/terminal/io.js';
import { writeModel } from '../../../src/onnx/model.js';
import { greyPictures, linearNetwork, marginOf, SIDE } from '../../training/linear-network.js';

let root: string;
let model: string;
const CLASSES = ['hare', 'tortoise'];
/** The order of the head is not that of the set. */
const HEAD = ['tortoise', 'hare'];
const COUNT = 8;

const card = (classes: readonly string[]) => `name: linear
input:
  resize: none
  range: 1
  mean: [0.4, 0.5, 0.6]
  std: [0.2, 0.25, 0.5]
  layout: NCHW
visual_degrees: 8
logits: { layer: LAYER, classes: [${classes.join(', ')}] }
`;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-attack-'));
  model = join(root, 'linear.onnx');
  const network = linearNetwork();
  writeFileSync(model, writeModel(network));
  const layer = network.graph.outputs[0].name;
  writeFileSync(join(root, 'linear.yaml'), card(HEAD).replace('LAYER', layer));
  writeFileSync(join(root, 'other.yaml'), card(['hare', 'fox']).replace('LAYER', layer));
  writeFileSync(join(root, 'wide.yaml'), card([...HEAD, 'fox']).replace('LAYER', layer));
  for (const name of CLASSES) mkdirSync(join(root, 'set', name), { recursive: true });
  for (const [i, picture] of greyPictures(COUNT).entries()) {
    const bytes = Buffer.from(
      Array.from({ length: 3 * SIDE * SIDE }, (_, at) =>
        Math.round(255 * picture[(at % 3) * SIDE * SIDE + Math.floor(at / 3)]),
      ),
    );
    const raw = { width: SIDE, height: SIDE, channels: 3 } as const;
    const name = HEAD[marginOf(picture) > 0 ? 1 : 0];
    await sharp(bytes, { raw })
      .png()
      .toFile(join(root, 'set', name, `${i}.png`));
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const run = (...words: string[]) => runAs({ interactive: false }, ...words);

/** The command in this process: what it prints and its status. */
async function runAs({ interactive }: Pick<Io, 'interactive'>, ...words: string[]) {
  let [out, err] = ['', ''];
  const io: Io = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    ...(interactive ? { columns: 160 } : {}),
    interactive,
    color: false,
  };
  const home = ['--home', join(root, 'home'), '--threads', '1'];
  const status = await runCommandLine(['node', 'ventral', ...home, 'attack', ...words], io);
  return { status, out, err };
}
const set = () => ['--data', join(root, 'set')];

describe('ventral attack', () => {
  test('prints a line an attack in a pipe, with the columns of CSV, then what its checks found', async () => {
    const threats = ['--threat', 'Linf:1/255', '--threat', 'L2:0.05', '--batch', '8'];
    const { status, out, err } = await run(model, ...set(), ...threats);
    const [lines, checks] = out
      .trimEnd()
      .split('\n\n')
      .map((part) => part.split('\n').map((line) => line.split('\t')));
    expect(lines.map(([, norm, epsilon, attack]) => `${norm} ${epsilon} ${attack}`)).toEqual([
      'norm epsilon attack',
      ' 0 clean',
      ...[`Linf ${1 / 255}`, 'L2 0.05'].flatMap((threat) =>
        [
          'FGSM',
          'PGD-20',
          'PGD-100, 4 restarts',
          'PGD-100 on the margin',
          'Square, 1000 queries',
          'worst case',
        ].map((attack) => `${threat} ${attack}`),
      ),
    ]);
    expect(lines[1].slice(4)).toEqual([
      '8',
      '8',
      '1',
      expect.stringMatching(/^0\.6305\d{6,}$/),
      '1',
    ]);
    expect(checks).toHaveLength(1 + 1 + 2 + 2);
    expect(checks[0]).toEqual(['verdict', 'check', 'found']);
    expect(new Set(checks.slice(1).map(([verdict]) => verdict))).toEqual(new Set(['checked']));
    expect(err).toMatch(/upper bound on robustness/);
    expect(status).toBe(0);
  });

  test('prints the same as JSON and as CSV; fewer examples are drawn by the seed', async () => {
    const words = [model, ...set(), '--threat', 'Linf:0.02', '--count', '5', '--seed', '7'];
    const json = JSON.parse((await run(...words, '--json')).out);
    expect(json).toMatchObject({
      name: 'linear',
      data: { examples: 5, seed: 7 },
      clean: { correct: 5, count: 5, accuracy: 1 },
      threats: [{ norm: 'Linf', epsilon: 0.02 }],
      maskingSuspected: false,
      note: expect.stringMatching(/upper bound/),
    });
    const [head, clean, ...rows] = (await run(...words, '--csv', '--batch', '3')).out
      .trimEnd()
      .split('\n');
    expect(head).toBe('model,norm,epsilon,attack,correct,count,accuracy,ci_low,ci_high');
    expect(clean).toMatch(/^linear,,0,clean,5,5,1,0\.47/);
    expect(rows.map((row) => Number(row.split(',').at(-5)))).toEqual([
      ...json.threats[0].attacks.map(({ correct }: { correct: number }) => correct),
      json.threats[0].worst.correct,
    ]);
  });

  test('says where gradients look masked, to a person and in a pipe', async () => {
    const masked = join(root, 'masked.onnx');
    writeFileSync(masked, writeModel(linearNetwork(1e7)));
    cpSync(join(root, 'linear.yaml'), join(root, 'masked.yaml'));
    const words = [masked, ...set(), '--threat', 'Linf:0.02'];
    const { status, out, err } = await run(...words);
    expect(out).toMatch(
      /^gradient masking suspected\taccuracy goes to about 0 as epsilon grows\t/m,
    );
    expect(err).toMatch(/^gradient masking suspected: failed: accuracy goes to about 0/);
    expect(status).toBe(0);
    const shown = await runAs({ interactive: true }, ...words);
    expect(shown.out).toMatch(/^gradient masking suspected: accuracy goes to about 0/m);
  });

  test('ends with 130 where it is interrupted', async () => {
    const threats = Array.from({ length: 60 }, (_, i) => `--threat=L2:${(i + 1) / 1000}`);
    const before = process.listenerCount('SIGINT');
    const running = run(model, ...set(), ...threats);
    while (process.listenerCount('SIGINT') === before) await sleep(5);
    process.emit('SIGINT');
    expect(await running).toEqual({
      status: 130,
      out: '',
      err: expect.stringMatching(/Interrupted/),
    });
  });
});

describe('ventral attack refuses', () => {
  test.each([
    [['--data', 'nowhere'], /nowhere/],
    [['--data', ''], /--data: expected a folder/],
    [['--data', 'a.idx,'], /--data: expected a folder, or images\.idx,labels\.idx/],
    [['--data', 'objects-on-backgrounds:1:many:64'], /objects-on-backgrounds:SEED:COUNT:SIDE/],
    [[], /--data/],
    [['--data', 'SET', '--threat', 'L1:0.1'], /--threat: expected Linf:E.*"L1:0\.1"/],
    [['--data', 'SET', '--threat', 'Linf:300/255'], /--threat/],
    [['--data', 'SET', '--threat', 'L2:0'], /--threat/],
    [['--data', 'SET', '--threat', 'L2:1/0'], /--threat/],
    [['--data', 'SET', '--count', '0'], /--count: expected a whole number from 1/],
    [['--data', 'SET', '--batch', '1e9'], /--batch/],
    [['--data', 'SET', '--json', '--csv'], /exclude each other/],
    [['--data', 'SET', '--card', 'other.yaml'], /lacks labels of the task: tortoise/],
    [['--data', 'SET', '--card', 'wide.yaml'], /names 3 classes, and .* has 2 columns/],
    [['--data', 'SET', '--max-memory', '1KiB'], /smaller --batch/],
  ])('%j', async (words, sentence) => {
    const given = words.map((word) =>
      word === 'SET' ? join(root, 'set') : word.endsWith('.yaml') ? join(root, word) : word,
    );
    const { status, out, err } = await run(model, ...given);
    expect(err).toMatch(sentence);
    expect(out).toBe('');
    expect(status).toBe(err.includes('smaller --batch') ? 1 : 2);
  });

  test('a card that names no logits', async () => {
    const bare = join(root, 'bare.onnx');
    cpSync(model, bare);
    const { status, err } = await run(bare, ...set(), '--assume', 'imagenet');
    expect(err).toMatch(/the card must say which layer holds the logits/);
    expect(status).toBe(2);
  });
});
