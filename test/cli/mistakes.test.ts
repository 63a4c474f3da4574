import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.js';
import { writeStandIn } from '../documents/stand-ins.js';

/**
 * What a newcomer gets wrong on the command line: wrong paths, swapped arguments, misspelt names, other kinds of files. Each is
 * answered by one line that names what was given and what was expected, with status 2.
 */

let folder: string;
let before: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-mistakes-'));
  before = process.cwd();
  for (const name of ['net.onnx', 'net.yaml', 'card.yaml', 'weights.pth'])
    await writeStandIn(folder, name);
  const example = join(import.meta.dirname, '..', '..', 'docs', 'examples', 'recordings');
  cpSync(example, join(folder, 'lab'), { recursive: true });
  cpSync(join(folder, 'net.onnx'), join(folder, 'my net.onnx'));
  writeFileSync(join(folder, 'table.csv'), 'a,b\n1,2\n');
  writeFileSync(join(folder, 'hello.txt'), 'hello\n');
  writeFileSync(join(folder, 'empty.onnx'), '');
  mkdirSync(join(folder, 'nothing'));
});
afterEach(() => {
  process.exitCode = undefined;
  process.chdir(before);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A command line as it is typed in the folder; quotes hold spaces. */
async function type(line: string): Promise<{ status: number; out: string; err: string }> {
  process.chdir(folder);
  const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);
  let [out, err] = ['', ''];
  const status = await runCommandLine(
    ['node', 'ventral', '--home', join(folder, 'home'), ...words],
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
  return { status, out, err };
}

const mine = 'score net.onnx --card card.yaml';
const mistakes: readonly [line: string, answer: RegExp][] = [
  // The model.
  [
    'score nope.onnx -b lab/v4.yaml',
    /nope\.onnx is neither a file nor the name of a shipped model/,
  ],
  ['score gabor-v2 -b lab/v4.yaml', /gabor-v2 is neither .*; did you mean "gabor-v1"/],
  ['score hello.txt -b lab/v4.yaml', /hello\.txt is not an ONNX model: found 6 bytes/],
  ['score empty.onnx -b lab/v4.yaml', /empty\.onnx is not an ONNX model: .*empty/],
  [
    'score weights.pth -b lab/v4.yaml',
    /weights\.pth is a PyTorch checkpoint.*ventral import weights\.pth/,
  ],
  ['models add weights.pth', /weights\.pth is a PyTorch checkpoint.*ventral import weights\.pth/],
  ['score lab/images/im001.png -b lab/v4.yaml', /im001\.png is not an ONNX model: found a PNG/],
  [
    'score my network.onnx -b lab/v4.yaml',
    /^ventral: my: my is neither .*\nventral: network\.onnx: network\.onnx is neither/,
  ],
  ['score nothing -b lab/v4.yaml', /nothing\/model\.yaml does not exist: a model folder has/],
  // Swapped and forgotten arguments.
  [
    'score card.yaml --card net.onnx -b lab/v4.yaml',
    /card\.yaml is a card that names no network: .*--card card\.yaml/,
  ],
  [
    'score Simulated.V1-pls -b gabor-v1',
    /expected a model, found the benchmark Simulated\.V1-pls: give it by --benchmark/,
  ],
  [
    'score gabor-v1 Simulated.V1-pls',
    /found the benchmark Simulated\.V1-pls: give it by --benchmark/,
  ],
  ['score gabor-v1', /give --benchmark; `ventral benchmarks list`/],
  ['score -b lab/v4.yaml', /name a model, or give --features FILE/],
  ['map --region V4', /missing required argument 'model'/],
  ['map net.onnx', /give --region \(V1, V2, V4, IT, behavior\) or --benchmark/],
  ['compare net.onnx -b lab/v4.yaml', /name two or more models, or give --series/],
  [
    'activations net.onnx -l layer1.0 --stimuli lab/images -o a.npz',
    /--stimuli and --degrees go together/,
  ],
  // The card.
  ['score net.onnx --card nope.yaml -b lab/v4.yaml', /--card nope\.yaml does not exist/],
  ['score net.onnx --card net.onnx -b lab/v4.yaml', /net\.onnx: expected YAML, found binary data/],
  [
    'score net.onnx --card table.csv -b lab/v4.yaml',
    /table\.csv:1:1 .*expected object, found "a,b/,
  ],
  // Layers and regions.
  [`${mine} -b lab/v4.yaml -l V4=layr1.0`, /no layer layr1\.0; closest: layer1\.0/],
  [`${mine} -b lab/v4.yaml -l v4=layer1.0`, /--layer v4=layer1\.0: expected V1, V2, .*found "v4"/],
  [`${mine} -b lab/v4.yaml -l V5=layer1.0`, /--layer V5=layer1\.0: expected V1, V2, .*found "V5"/],
  ['map net.onnx --card card.yaml --region v4', /--region: expected V1, .*found "v4"/],
  ['map net.onnx -b lab/v4.yaml --layers layr1.0', /no layer layr1\.0; closest: layer1\.0/],
  // The benchmark.
  [
    `${mine} -b simulated.v1-pls`,
    /no benchmark "simulated\.v1-pls"; did you mean "Simulated\.V1-pls"/,
  ],
  [`${mine} -b lab/nope.yaml`, /lab\/nope\.yaml does not exist/],
  [
    `${mine} -b lab`,
    /^ventral: lab: expected a benchmark file, such as lab\/v4-netcdf\.yaml, found a folder/,
  ],
  [
    `${mine} -b lab/recordings.nc`,
    /^ventral: lab\/recordings\.nc: expected YAML, found binary data/,
  ],
  [
    `${mine} -b lab/recordings.csv`,
    /^ventral: lab\/recordings\.csv:1:1 .*expected object, found "stimulus_id/,
  ],
  ['benchmarks check nothing', /^ventral: nothing: expected a benchmark file, found a folder\n/],
  [
    `${mine} --benchmarks lab/v4.yaml`,
    /unknown option '--benchmarks' \(Did you mean --benchmark\?\)/,
  ],
  // Features.
  [
    'score --features table.csv -b lab/v4.yaml',
    /table\.csv: expected stimulus_id as the first column, found "a"/,
  ],
  ['score --features hello.txt -b lab/v4.yaml', /hello\.txt: expected a \.npz, \.nc or \.csv file/],
  [
    'score --features table.csv -l V4=a -b lab/v4.yaml',
    /expected the name of a layer in table\.csv, found "V4=a"/,
  ],
  // Places to write.
  [
    'map net.onnx -b lab/v4.yaml --layers avgpool --html nope/m.html',
    /--html nope\/m\.html: there is no folder/,
  ],
  [
    'map net.onnx -b lab/v4.yaml --layers avgpool --html nothing',
    /--html nothing: this is a folder, expected a file/,
  ],
  [
    'package net.onnx --card card.yaml --format brainscore -o nope/p.zip',
    /--output nope\/p\.zip: there is no folder/,
  ],
  [`${mine} -b lab/v4.yaml --receipt nope/r.json`, /--receipt nope\/r\.json: there is no folder/],
  [
    'activations net.onnx -l avgpool --stimuli lab/images --degrees 8 -o a.csv',
    /a\.csv: expected a \.npz, \.nc, \.arrow or \.json file/,
  ],
  [
    `--home hello.txt ${mine} -b lab/v4.yaml`,
    /hello\.txt.*: expected a folder, found a file in its path/,
  ],
  // Values.
  [
    `${mine} -b lab/v4.yaml --threads zero`,
    /--threads: expected a whole number from 1, found "zero"/,
  ],
  [`${mine} -b lab/v4.yaml --max-memory lots`, /--max-memory: expected a size .*found "lots"/],
  ['import weights.pth -o x.onnx', /give either --arch NAME or --graph/],
  [
    'import weights.pth --arch resnet20 -o x.onnx',
    /--arch resnet20: expected .*did you mean "resnet-20"/,
  ],
  ['import hello.txt --arch resnet-20 -o x.onnx', /hello\.txt is neither a PyTorch checkpoint nor/],
  ['layer net.onnx', /unknown command 'layer' \(Did you mean layers\?\)/],
];

describe('a mistake on the command line is answered by a sentence that names it', () => {
  test.each(mistakes)('ventral %s', async (line, answer) => {
    const { status, out, err } = await type(line);
    expect(err).toMatch(answer);
    expect(status).toBe(2);
    // No path of ours, no stack, nothing of the system's own words.
    expect(err).not.toMatch(/\.tmp|node:|EISDIR|ENOENT|ENOTDIR|\n {4}at /);
    expect(err.split('\n').every((each) => each.length < 600)).toBe(true);
    if (!line.includes('--html')) expect(out).toBe('');
  });

  test('a name with a space is taken whole in quotes', async () => {
    const { status, out } = await type('score "my net.onnx" --card card.yaml -b lab/v4.yaml --csv');
    expect([status, out.split('\n')[1]]).toEqual([0, expect.stringMatching(/^objects-resnet,/)]);
  });
});
