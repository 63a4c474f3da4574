import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../../../src/cli/command-line.js';
import { openZip } from '../../../src/formats/zip.js';
import { GraphBuilder } from '../../../src/onnx/graph-builder.js';
import type { Receipt, ScoreRun } from '../../../src/scoring/receipt/receipt.js';
import { ORACLE } from '../../oracle.js';
import { canRunPackages, python } from '../../submission/python.js';
import { runVentral } from '../run-ventral.js';

let root: string;
const source = join(ORACLE, '09-end-to-end');
const at = (name: string) => join(root, name);
const run = (...words: string[]) => runVentral(at('home'), ...words);

/** The same in this process, for what ends with an error or needs no process of its own. */
async function command(...words: string[]): Promise<{ status: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const io = {
    out: (text: string) => {
      said.out += text;
    },
    err: (text: string) => {
      said.err += text;
    },
    interactive: false,
    color: false,
  };
  const status = await runCommandLine(['node', 'ventral', '--home', at('home'), ...words], io);
  return { status, ...said };
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-package-'));
  mkdirSync(at('net'));
  cpSync(join(source, 'resnet', 'model.onnx'), at('net/model.onnx'));
  cpSync(join(source, 'resnet', 'card.yaml'), at('net/model.yaml'));
  cpSync(join(source, 'neural-csv'), at('data'), { recursive: true });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function namesIn(path: string): Promise<string[]> {
  const zip = await openZip(path);
  await zip.close();
  return zip.entries.map(({ name }) => name);
}

async function readIn(path: string, end: string): Promise<string> {
  const zip = await openZip(path);
  const entry = zip.entries.find(({ name }) => name.endsWith(end));
  const bytes = await zip.read(entry?.name ?? end);
  await zip.close();
  return bytes.toString();
}

describe('ventral package', () => {
  test('writes a plugin that check-package finds nothing wrong with, and shows its identifier', async () => {
    const made = await run('package', 'gabor-v1', '--format', 'brainscore', '-o', at('g.zip'));
    expect(made.status).toBe(0);
    expect(made.out).toMatch(/g\.zip: gabor_v1, 9 files, \d+ bytes\n.*g\.metadata\.yml\n$/);
    expect(made.err).toMatch(/note: the identifier gabor_v1 comes from the model's name/);
    expect(await namesIn(at('g.zip'))).toContain(
      'gabor_v1/models/gabor_v1/region_layer_map/gabor_v1.json',
    );
    expect(readFileSync(at('g.metadata.yml'), 'utf8')).toMatch(/^models:\n {2}gabor_v1:\n/);
    const checked = await run('check-package', at('g.zip'));
    expect(checked).toMatchObject({ status: 0, out: '' });
    expect(checked.err).toMatch(/^ventral: 0 errors, 0 warnings\nventral: not checked: /);
  });

  test('writes the form of 2022, and the same bytes each time', async () => {
    const words = [
      'package',
      'gabor-v1',
      '--format',
      'brainscore-2022',
      '--identifier',
      'mine',
      '-o',
    ];
    expect((await command(...words, at('a.zip'))).status).toBe(0);
    expect((await command(...words, at('b.zip'))).status).toBe(0);
    expect(readFileSync(at('a.zip')).equals(readFileSync(at('b.zip')))).toBe(true);
    expect(await namesIn(at('a.zip'))).toContain('mine/models/base_models.py');
    const { status, out } = await command('check-package', at('a.zip'), '--json');
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ format: 'brainscore-2022', findings: [] });
  });

  test('takes the licence and the reference of a model folder along', async () => {
    writeFileSync(at('net/LICENSE'), 'MIT License\n\nCopyright …\n');
    writeFileSync(at('net/net.bib'), '@article{net,\n  title = {A "net"}\n}\n');
    const made = await command('package', at('net'), '--format', 'brainscore', '-o', at('n.zip'));
    expect(made.status).toBe(0);
    expect(made.err).not.toMatch(/licence|reference/);
    expect(made.err).toMatch(
      /the layer fc has 10 units, .* needs 25: it is not offered for regions/,
    );
    const model = await readIn(at('n.zip'), '/model.py');
    expect(model).toContain(`BIBTEX = '@article{net,\\n  title = {A "net"}\\n}\\n'`);
    expect(model).toContain("LICENSE = 'MIT License'");
    expect(await readIn(at('n.zip'), '/LICENSE')).toMatch(/^MIT License\n/);
  });

  test('says what is wrong in one line, with status 2', async () => {
    const words = ['package', at('net'), '-o', at('wrong.zip'), '--format'];
    const cases: readonly (readonly [string[], RegExp])[] = [
      [
        [...words, 'brainscore-2030'],
        /expected brainscore or brainscore-2022, found "brainscore-2030"/,
      ],
      [
        [...words, 'brainscore', '--identifier', 'my-net'],
        /"my-net" must start with a letter .*refuses "-"/,
      ],
      [[...words, 'brainscore', '--identifier', 'resnet50_tutorial'], /resnet50_tutorial/],
      [[...words, 'brainscore', '--weights-url', 'https://a.org/x'], /go together/],
      [
        [...words, 'brainscore', '--weights-url', 'http://a.org', '--weights-sha1', 'a'],
        /expected https/,
      ],
      [
        [...words, 'brainscore', '--weights-url', 'https://a.org', '--weights-sha1', 'a'],
        /has the SHA-1 [0-9a-f]{40}/,
      ],
      [
        ['package', at('net'), '--format', 'brainscore', '-o', at('wrong.tar')],
        /expected a \.zip file/,
      ],
      [
        ['package', at('none'), '--format', 'brainscore', '-o', at('wrong.zip')],
        /neither a file nor/,
      ],
      [['check-package', at('none.zip')], /does not exist/],
    ];
    for (const [line, message] of cases) {
      const { status, out, err } = await command(...line);
      expect([status, out], line.join(' ')).toEqual([2, '']);
      expect(err).toMatch(message);
      expect(err.trimEnd()).not.toContain('\n');
    }
    expect(readdirSync(root).filter((name) => name.includes('wrong'))).toEqual([]);
  });

  test('asks for all regions or none, and for a readout', async () => {
    const card = readFileSync(at('net/model.yaml'), 'utf8');
    const cases: readonly (readonly [string, number, RegExp])[] = [
      [card.replace(/, IT: [^}]*/, ''), 2, /has no layer for IT.*map --commit/],
      [
        card.replace(/^readout:.*$/m, '').replace(/layers: \[.*/, 'layers: ["layer*"]'),
        2,
        /has no readout/,
      ],
      [card.replace(/^region_layer_map:.*$/m, ''), 0, /Brain-Score chooses the layers/],
    ];
    for (const [text, status, message] of cases) {
      writeFileSync(at('card.yaml'), text.replace('file: model.onnx', 'file: net/model.onnx'));
      const made = await command(
        'package',
        at('card.yaml'),
        '--format',
        'brainscore',
        '-o',
        at('c.zip'),
      );
      expect(made.status, made.err).toBe(status);
      expect(made.err).toMatch(message);
    }
  });
});

describe('scores in a package', () => {
  const words = () => ['package', at('net'), '--format', 'brainscore', '-o', at('s.zip')];
  const written = (receipt: Receipt, change: (run: ScoreRun) => object): string => {
    const runs = receipt.runs.map((each) => ({ ...each, ...change(each as ScoreRun) }));
    writeFileSync(at('changed.json'), JSON.stringify({ ...receipt, runs }));
    return at('changed.json');
  };

  test('go along with their receipt, without the paths of this machine; others are refused by name', async () => {
    const benchmark = ['-b', at('data/benchmark.yaml')];
    const scored = await command('score', at('net'), ...benchmark, '--receipt', at('r.json'));
    expect(scored.status, scored.err).toBe(0);
    const receipt = JSON.parse(readFileSync(at('r.json'), 'utf8')) as Receipt;
    expect((await command(...words(), '--receipt', at('r.json'))).status).toBe(0);
    const text = await readIn(at('s.zip'), 'scores/receipt_1.json');
    const scoresOf = (each: Receipt) => (each.runs[0] as ScoreRun).scores;
    expect(scoresOf(JSON.parse(text))).toEqual(scoresOf(receipt));
    expect(text).not.toContain(root);
    expect((await command('check-package', at('s.zip'))).status).toBe(0);

    const scores = (change: object) => (each: ScoreRun) => ({
      scores: each.scores.map((score) => ({ ...score, ...change })),
    });
    const cases: readonly (readonly [(each: ScoreRun) => object, RegExp])[] = [
      [scores({ simulated: true }), /end-to-end\.objects\.V4-pls is simulated/],
      [scores({ selection: true }), /end-to-end\.objects\.V4-pls is a selection/],
      [
        scores({ layer: 'maxpool' }),
        /measured at the layer maxpool, the package has layer2\.0\.conv2/,
      ],
      [
        ({ model }) => ({ model: { ...model, digest: `sha256:${'0'.repeat(64)}` } }),
        /is not the model/,
      ],
      [() => ({ input: { resize: 64 } }), /another input/],
    ];
    for (const [change, message] of cases) {
      const { status, err } = await command(...words(), '--receipt', written(receipt, change));
      expect(status).toBe(2);
      expect(err).toMatch(message);
    }
  });

  test('lie in the folder of the model too, and simulated ones are refused there', async () => {
    mkdirSync(at('net/scores'));
    cpSync(at('r.json'), at('net/scores/r.json'));
    expect((await command(...words())).status).toBe(0);
    expect(await namesIn(at('s.zip'))).toContain(
      'e2e_resnet/models/e2e_resnet/scores/receipt_1.json',
    );
    const receipt = JSON.parse(readFileSync(at('r.json'), 'utf8')) as Receipt;
    const simulated = written(receipt, ({ scores }) => ({
      scores: scores.map((score) => ({ ...score, benchmark: 'Simulated.V4-pls', simulated: true })),
    }));
    cpSync(simulated, at('net/scores/simulated.json'));
    const { status, err } = await command(...words());
    rmSync(at('net/scores'), { recursive: true });
    expect(status).toBe(2);
    expect(err).toMatch(
      /simulated\.json: Simulated\.V4-pls is simulated, and does not go into a package/,
    );
  });
});

describe('weights that do not fit', () => {
  /** 57 MiB of weights that no deflate makes smaller. */
  function large(): Uint8Array {
    const graph = new GraphBuilder('large');
    const image = graph.input('image', 'float32', ['batch', 3, 8, 8]);
    const weights = new Float32Array(57 * 2 ** 18);
    let state = 1;
    for (let i = 0; i < weights.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      weights[i] = state / 2 ** 31;
    }
    const flat = graph.node('Flatten', [image], { outputs: ['flat'] });
    const matrix = graph.initializer('weights', [192, weights.length / 192], weights);
    graph.output(graph.node('MatMul', [flat, matrix], { outputs: ['wide'] }), 'float32', [
      'batch',
      weights.length / 192,
    ]);
    return graph.build();
  }

  test('are asked for by address and SHA-1, and fetched by the Python', async () => {
    writeFileSync(at('large.onnx'), large());
    const input =
      'input: { resize: { to: 8, mode: square, filter: bilinear, library: pillow }, range: 1, mean: [0, 0, 0], std: [1, 1, 1] }';
    writeFileSync(
      at('large.yaml'),
      `name: large\nfile: large.onnx\n${input}\nvisual_degrees: 8\nreadout: wide\n`,
    );
    const words = ['package', at('large.yaml'), '--format', 'brainscore', '-o', at('l.zip')];
    const refused = await command(...words);
    expect(refused.status).toBe(2);
    expect(refused.err).toMatch(/is 50\.0 MiB; leave the weights .* give --weights-url/);
    const sha1 = /--weights-sha1 ([0-9a-f]{40})/.exec(refused.err)?.[1] as string;
    expect(existsSync(at('l.zip'))).toBe(false);
    const url = 'https://weights.example.org/l.onnx';
    const made = await command(...words, '--weights-url', url, '--weights-sha1', sha1);
    expect(made.status, made.err).toBe(0);
    expect(made.err).toMatch(
      /l\.onnx has to be at https:\/\/weights\.example\.org\/l\.onnx before/,
    );
    expect(
      createHash('sha1')
        .update(readFileSync(at('l.onnx')))
        .digest('hex'),
    ).toBe(sha1);
    expect((await command('check-package', at('l.zip'))).status).toBe(0);
    if (!canRunPackages()) return;
    mkdirSync(at('large'));
    writeFileSync(at('large/network.py'), await readIn(at('l.zip'), 'network.py'));
    const fetched = python('download-weights.py', {
      folder: at('large'),
      home: at('brain'),
      url: `file://${at('l.onnx')}`,
      sha1,
    });
    const path = join(at('brain'), 'ventral', `${sha1}.onnx`);
    expect(fetched).toMatchObject({
      address: url,
      first: path,
      second: path,
      left: [`${sha1}.onnx`],
    });
    expect((fetched as { refused: string }).refused).toContain(
      `has the SHA-1 ${sha1}, expected 000`,
    );
  });
});
