import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runVentral } from '../cli/run-ventral.js';
import { ORACLE } from '../oracle.js';
import { damaged, hostileWord } from './damage.js';
import { csvCase, featureTable, netcdfCase, npyCase, npzCase } from './data-cases.js';
import { Dice } from './dice.js';
import { jsonCase, yamlCase } from './document-cases.js';
import { onnxCase } from './onnx-cases.js';
import type { ReaderProcess } from './reader-process.js';
import { Finding, type FuzzCase, type Target } from './target.js';
import { zipCase } from './zip-cases.js';

const world = join(ORACLE, '09-end-to-end');
const text = (...path: string[]) => readFileSync(join(world, ...path), 'utf8');
const bytes = (...path: string[]) => readFileSync(join(world, ...path));

export const cards = ['resnet/card.yaml', 'mbconv/card-opencv.yaml'].map((path) => text(path));
export const definitions = ['neural-csv', 'neural-nc', 'behaviour'].map((folder) =>
  text(folder, 'benchmark.yaml'),
);
export const tables = [
  ...['recordings.csv', 'stimuli.csv', 'neuroids.csv'].map((name) => text('neural-csv', name)),
  ...['trials.csv', 'fitting.csv'].map((name) => text('behaviour', name)),
];
const imageFolder = join(import.meta.dirname, '../fixtures/images');
const images = readdirSync(imageFolder)
  .filter((name) => /\.(tif|bmp|webp)$/.test(name))
  .map((name) => readFileSync(join(imageFolder, name)));
const xarrays = ['rates', 'dataset', 'averaged'].map((name) =>
  readFileSync(join(import.meta.dirname, `../fixtures/xarray/${name}.nc`)),
);
const ids = text('neural-csv', 'stimuli.csv')
  .trimEnd()
  .split('\n')
  .slice(1)
  .map((line) => line.split(',')[0]);

/** A benchmark's files, as they are. */
export const benchmarkFolder = (name: string) => join(world, name);
/** What of it can be damaged, and how. */
export const benchmarkDamage: readonly [folder: string, file: string][] = [
  ['neural-csv', 'benchmark.yaml'],
  ['neural-csv', 'stimuli.csv'],
  ['neural-csv', 'recordings.csv'],
  ['neural-csv', 'neuroids.csv'],
  ['neural-nc', 'recordings.nc'],
  ['neural-nc', 'stimuli.csv'],
  ['behaviour', 'benchmark.yaml'],
  ['behaviour', 'trials.csv'],
  ['behaviour', 'fitting.csv'],
  ['behaviour', 'test.csv'],
  ['behaviour', 'test.zip'],
];

/** The bytes of a benchmark's file with something wrong in them. */
export function damagedFile(folder: string, file: string, dice: Dice): Uint8Array {
  if (file.endsWith('.yaml')) return yamlCase(text(folder, file), dice);
  if (file.endsWith('.csv')) return csvCase(text(folder, file), dice);
  if (file.endsWith('.nc')) return netcdfCase(dice, bytes(folder, file));
  return zipCase(
    [
      { name: 'a.png', data: dice.bytes(50) },
      { name: 'b.png', data: dice.bytes(50) },
    ],
    dice,
  );
}

/** Codes that say that ventral failed, not its input. */
const faults: readonly string[] = ['internal', 'process-died', 'permission-denied'];

/** The targets that read files and run commands, none of them over HTTP. */
export function readerTargets(reader: ReaderProcess, home: string, receipt: unknown): Target[] {
  const reads = (
    name: string,
    share: number,
    ending: string,
    make: (dice: Dice) => Uint8Array,
  ) => ({
    name: `read ${name}`,
    share,
    lane: 'reader' as const,
    async run(one: FuzzCase) {
      const path = await one.file(`file.${ending}`, make(one.dice));
      const { code = '', message } = await reader.ask({ reader: name, path }, 45);
      if (faults.includes(code)) throw new Finding(`reading ${name} ended with ${message}`);
      return code;
    },
  });
  const runs = (
    name: string,
    share: number,
    line: (one: FuzzCase) => Promise<readonly string[]>,
  ): Target => ({
    name: `ventral ${name}`,
    share,
    lane: 'reader',
    async run(one) {
      const words = [...(await line(one)), '--home', home, '--threads', '1'];
      await one.file('command.json', JSON.stringify(words));
      // A process of its own for every fiftieth, the same entry without one for the others.
      const ended = one.dice.chance(0.02)
        ? await runVentral(home, ...words)
        : await reader.ask({ words }, 60);
      return judged(ended);
    },
  });
  const parts = (dice: Dice) => [
    { name: 'benchmark.yaml', data: Buffer.from(dice.pick(definitions)) },
    { name: 'data.csv', data: Buffer.from(tables[1]) },
  ];
  return [
    reads('onnx', 240, 'onnx', onnxCase),
    reads('npy', 70, 'npy', npyCase),
    reads('npz', 70, 'npz', (dice) => npzCase(ids.slice(0, 4), dice)),
    reads('features', 50, 'npz', (dice) => npzCase(ids.slice(0, 4), dice)),
    reads('csv', 90, 'csv', (dice) => csvCase(dice.pick(tables), dice)),
    reads('zip', 80, 'zip', (dice) => zipCase(parts(dice), dice)),
    reads('card', 80, 'yaml', (dice) => yamlCase(dice.pick(cards), dice)),
    reads('benchmark', 70, 'yaml', (dice) => yamlCase(dice.pick(definitions), dice)),
    reads('netcdf', 22, 'nc', (dice) => netcdfCase(dice)),
    reads('assembly', 8, 'nc', (dice) => netcdfCase(dice)),
    reads('xarray', 8, 'nc', (dice) => netcdfCase(dice, dice.pick(xarrays))),
    reads('image', 60, 'tif', (dice) => damaged(dice.pick(images), dice, dice.pick(images))),
    reads('receipt', 10, 'json', (dice) => jsonCase(receipt, dice)),
    runs('score --features', 12, async (one) => {
      const [ending, content] = features(one.dice);
      const path = await one.file(`features.${ending}`, content);
      return [
        'score',
        '--features',
        path,
        '-b',
        join(world, 'neural-csv', 'benchmark.yaml'),
        '--json',
      ];
    }),
    runs('layers', 15, async (one) => [
      'layers',
      await one.file('m.onnx', onnxCase(one.dice)),
      '--values',
    ]),
    runs('card init', 15, async (one) => [
      'card',
      'init',
      await one.file('m.onnx', onnxCase(one.dice)),
    ]),
    runs('benchmarks check', 15, async (one) => {
      const [folder, file] = one.dice.pick(benchmarkDamage);
      await one.file(file, '');
      cpSync(join(world, folder), one.folder, { recursive: true });
      await one.file(file, damagedFile(folder, file, one.dice));
      return ['benchmarks', 'check', join(one.folder, 'benchmark.yaml')];
    }),
    runs('score --card', 3, async (one) => {
      const card = await one.file('card.yaml', yamlCase(cards[0], one.dice));
      const network = join(world, 'resnet', 'model.onnx');
      return ['score', network, '--card', card, '-b', join(world, 'neural-csv', 'benchmark.yaml')];
    }),
    runs('verify', 5, async (one) => [
      'verify',
      await one.file('r.json', jsonCase(receipt, one.dice)),
    ]),
    runs('…', 25, async (one) => commandLine(one.dice)),
  ];
}

function features(dice: Dice): [ending: string, content: Uint8Array] {
  if (dice.chance(0.5)) return ['npz', npzCase(ids, dice)];
  if (dice.chance(0.6)) return ['csv', csvCase(featureTable(ids, dice), dice)];
  return ['nc', netcdfCase(dice)];
}

/** A command ends with 0, 1 or 2, and says in words of one line what was wrong. */
function judged({ status, err = '' }: { status?: number | null; err?: string }): string {
  const fault =
    /Something went wrong|Internal error|\n {4}at |TypeError|RangeError|undefined|\[object /.exec(
      err,
    );
  if (fault) throw new Finding(`the command said: ${err}`);
  if (![0, 1, 2].includes(status ?? -1))
    throw new Finding(`the command ended with ${status}: ${err}`);
  if (status !== 0 && !/^ventral: /m.test(err)) throw new Finding(`status ${status}, said: ${err}`);
  if (/[^\P{Cc}\n]|\u202e/u.test(err)) throw new Finding(`unprintable: ${JSON.stringify(err)}`);
  return `exit ${status}`;
}

/** What `score --receipt` writes, of a small file of features. */
export async function madeReceipt(reader: ReaderProcess, folder: string): Promise<unknown> {
  const [table, file] = [join(folder, 'features.csv'), join(folder, 'receipt.json')];
  writeFileSync(table, featureTable(ids, new Dice(0), 40));
  const objects = join(world, 'neural-csv', 'benchmark.yaml');
  const words = ['score', '--features', table, '-b', objects, '--receipt', file];
  const { status, err } = await reader.ask(
    { words: [...words, '--home', folder, '--threads', '1'] },
    60,
  );
  if (status !== 0) throw new Finding(`no receipt could be made: ${err}`);
  return JSON.parse(readFileSync(file, 'utf8'));
}

const commands: readonly (readonly string[])[] = [
  ['score', 'pixels', '-b', 'Simulated.V9-pls'],
  ['score', '--features', 'f.npz', '-b', 'Simulated.V1-pls'],
  ['map', 'no-such-model', '-r', 'V9'],
  ['layers', 'no-such-model'],
  [
    'activations',
    'pixels',
    '-l',
    'pixels',
    '--stimuli',
    'none',
    '--degrees',
    '8',
    '-o',
    '/nonexistent/f.npz',
  ],
  ['benchmarks', 'show', 'Simulated.V1-pls'],
  ['benchmarks', 'list'],
  ['benchmarks', 'check', 'benchmark.yaml'],
  ['card', 'init', 'nothing.onnx'],
  ['verify', 'receipt.json'],
  ['data', 'import', '/nonexistent'],
  ['cache', 'show'],
];
const options = [
  '--json',
  '--csv',
  '--threads',
  '--max-memory',
  '--max-scratch',
  '--max-cache',
  '--input',
  '--layers',
  '--card',
  '--assume',
  '--degrees',
  '--layer',
  '--values',
  '--verbosity',
  '-x',
  '--',
  '-',
];

/** A command line in which words were exchanged or added; none that serves, fetches or writes. */
function commandLine(dice: Dice): readonly string[] {
  const words = [...dice.pick(commands)];
  for (let count = dice.between(1, 2); count > 0; count--) {
    // The first words choose the command.
    const at = dice.between(Math.min(2, words.length), words.length);
    const word = dice.chance(0.4) ? dice.pick(options) : hostileWord(dice).replaceAll('\0', '0');
    words.splice(at, dice.below(2), word);
  }
  return words;
}
