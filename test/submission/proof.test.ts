import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ModelCard } from '../../src/activations/card/card.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { exportActivations } from '../../src/scoring/features/export-activations.js';
import type { InputSpec } from '../../src/screen/preprocess.js';
import { buildPackage, type PackageFormat } from '../../src/submission/build-package.js';
import { runVentral } from '../cli/run-ventral.js';
import { oraclePath } from '../oracle.js';
import { laidOut, textIn } from './packages.js';
import { canRunPackages, python } from './python.js';

/** Whether the Python of packages can be run here. */
const runs = canRunPackages();
let root: string;
let stimuli: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'ventral-proof-'));
  stimuli = join(root, 'stimuli');
  mkdirSync(stimuli);
  await drawStimuli();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** An image of waves and noise. */
function noise(width: number, height: number, channels: 1 | 3 | 4, phase = 0): Sharp {
  const values = Buffer.alloc(width * height * channels);
  for (let i = 0; i < values.length; i++) {
    const [x, y] = [Math.floor(i / channels) % width, Math.floor(i / channels / width)];
    const wave = Math.sin(phase + x / (3 + (i % channels))) * Math.cos(y / 5);
    values[i] = 128 + 90 * wave + ((i * 7919) % 37);
  }
  const picture = sharp(values, { raw: { width, height, channels } });
  return channels === 1 ? picture.toColourspace('b-w') : picture;
}

/** Ten images: colours, grey, alpha, palette and JPEG, square and not, smaller and larger than an input. */
async function drawStimuli(): Promise<void> {
  const grey = (width: number, height: number) => noise(width, height, 1);
  await noise(256, 256, 3).png().toFile(join(stimuli, '0.png'));
  await noise(97, 64, 3).png().toFile(join(stimuli, '1.png'));
  await noise(40, 51, 3).png().toFile(join(stimuli, '2.png'));
  await grey(128, 128).png().toFile(join(stimuli, '3.png'));
  await grey(61, 200).png().toFile(join(stimuli, '4.png'));
  await noise(80, 80, 4).png().toFile(join(stimuli, '5.png'));
  await noise(64, 48, 3).png({ palette: true, colours: 32 }).toFile(join(stimuli, '6.png'));
  await noise(150, 100, 3).jpeg({ quality: 80 }).toFile(join(stimuli, '7.jpg'));
  await grey(99, 99).jpeg().toFile(join(stimuli, '8.jpg'));
  await noise(48, 48, 3).png().toFile(join(stimuli, '9.png'));
}

const resnet = oraclePath('09-end-to-end/resnet/model.onnx');
const card = () =>
  parse(readFileSync(oraclePath('09-end-to-end/resnet/card.yaml'), 'utf8')) as ModelCard;
const withInput = (input: Partial<InputSpec>): ModelCard => ({
  ...card(),
  input: { ...card().input, ...input },
});
const resized = (resize: InputSpec['resize'], crop?: number): ModelCard => {
  const { crop: _crop, ...input } = card().input;
  return { ...card(), input: { ...input, resize, ...(crop ? { crop } : {}) } };
};
const cutByTransformers = (resize: InputSpec['resize'], crop: number): ModelCard => {
  const whole = resized(resize, crop);
  return { ...whole, input: { ...whole.input, crop_rule: 'transformers' } };
};
const square = { to: 48, mode: 'square' } as const;
const short = { to: 53, mode: 'short-side' } as const;

const cards: Readonly<Record<string, ModelCard>> = {
  'as it is': card(),
  'range 255': withInput({
    range: 255,
    mean: [123.675, 116.28, 103.53],
    std: [58.395, 57.12, 57.375],
  }),
  'blue first': withInput({ channels: 'BGR', mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] }),
  'pillow bicubic': resized({ ...square, filter: 'bicubic', library: 'pillow' }),
  'pillow lanczos, short side': resized({ ...short, filter: 'lanczos', library: 'pillow' }, 48),
  'pillow nearest': resized({ ...square, filter: 'nearest', library: 'pillow' }),
  'pillow, padded': resized({ to: 31, mode: 'square', filter: 'bilinear', library: 'pillow' }, 48),
  'opencv bilinear, short side': resized({ ...short, filter: 'bilinear', library: 'opencv' }, 48),
  'opencv area': resized({ ...square, filter: 'area', library: 'opencv' }),
  'opencv bicubic': resized({ ...square, filter: 'bicubic', library: 'opencv' }),
  'opencv nearest': resized({ ...square, filter: 'nearest', library: 'opencv' }),
  torch: resized({ ...square, filter: 'bilinear', library: 'torch' }),
  'torch without antialias': resized(
    { ...short, filter: 'bilinear', library: 'torch', antialias: false },
    48,
  ),
  'no resize': resized('none', 48),
  'cut by transformers': cutByTransformers({ ...short, filter: 'bilinear', library: 'pillow' }, 48),
  'padded by transformers': cutByTransformers(
    { to: 31, mode: 'square', filter: 'bilinear', library: 'pillow' },
    48,
  ),
};

interface Case {
  readonly what: string;
  readonly folder: string;
  readonly stimuli: string;
  readonly features: string;
}

async function prepared(
  what: string,
  path: string,
  given?: ModelCard,
  format: PackageFormat = 'brainscore',
  pictures = stimuli,
): Promise<Case> {
  const own = join(root, what);
  mkdirSync(own);
  const model = { path, ...(given ? { card: given } : {}) };
  const folder = await laidOut({ model, format }, own);
  const outputs =
    /OUTPUTS = (\{[\s\S]*?\})/.exec(readFileSync(join(folder, 'network.py'), 'utf8'))?.[1] ?? '';
  const layers = [...outputs.matchAll(/'([^']+)': /g)].map((found) => found[1]);
  const features = join(own, 'features.npz');
  await exportActivations(
    { model, layers, stimuli: pictures, degrees: 8, output: features },
    { home: join(root, 'home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 },
  );
  return { what, folder, stimuli: pictures, features };
}

/** A network that takes four images at once, in half precision, and answers so. */
function ofFour(): Uint8Array {
  const graph = new GraphBuilder('four');
  const image = graph.input('image', 'float16', [4, 3, 8, 8]);
  graph.output(graph.node('Relu', [image], { outputs: ['halved'] }), 'float16', [4, 3, 8, 8]);
  return graph.build();
}

type Differences = Record<string, readonly [difference: number, largest: number]> | string;

it.runIf(runs)(
  'the Python of a package answers as ours, through its own preprocessing',
  async () => {
    const cases: Case[] = [
      await prepared('gabor-v1', 'gabor-v1'),
      await prepared('gabor-v1 of 2022', 'gabor-v1', undefined, 'brainscore-2022'),
      await prepared('pixels', 'pixels'),
    ];
    const four = join(root, 'four.onnx');
    writeFileSync(four, ofFour());
    const eight = { to: 8, mode: 'square', filter: 'bilinear', library: 'pillow' } as const;
    const { input } = resized(eight);
    const halved = { input, visual_degrees: 8, readout: 'halved' };
    cases.push(await prepared('four pictures a call', four, halved));
    for (const [what, one] of Object.entries(cards)) cases.push(await prepared(what, resnet, one));
    const compared = python('compare-activations.py', cases) as Differences[];
    const far: string[] = [];
    for (const [index, differences] of compared.entries()) {
      const { what } = cases[index];
      if (typeof differences === 'string') {
        process.stdout.write(`packages: ${what} is skipped, ${differences}\n`);
        continue;
      }
      const worst = Math.max(...Object.values(differences).map(([by]) => by));
      process.stdout.write(`packages: ${what} differs by ${worst.toExponential(1)} at most\n`);
      for (const [layer, [by, largest]] of Object.entries(differences)) {
        // torch sums in float32: its pixels are ours to 1e-5 of white, and so are layers to 1e-5 of their largest.
        const bound = what.startsWith('torch') ? 1e-5 * Math.max(1, largest) : 1e-5;
        if (!(by <= bound)) far.push(`${what}, ${layer}: ${by} of ${largest}`);
      }
    }
    expect(far).toEqual([]);
    expect(compared.length).toBe(cases.length);
  },
);

it.runIf(runs)('a network imported from Keras answers in its package as ours', async () => {
  const path = join(root, 'keras.onnx');
  const checkpoint = join(import.meta.dirname, '..', 'fixtures', 'keras', 'keras2-mobile.h5');
  const made = await runVentral(join(root, 'home'), 'import', checkpoint, '-o', path);
  expect(made.status, made.err).toBe(0);
  const { input } = resized('none');
  const keras: ModelCard = {
    input,
    visual_degrees: 8,
    readout: 'flatten',
    region_layer_map: {
      V1: 'block_1/expand',
      V2: 'block_1/add',
      V4: 'block_1/add',
      IT: ['inner/inner_conv', 'block_1/add'],
    },
  };
  const pictures = join(root, 'small');
  mkdirSync(pictures);
  for (let i = 0; i < 10; i++)
    await noise(14, 11, i % 2 === 0 ? 3 : 1, i)
      .png()
      .toFile(join(pictures, `${i}.png`));
  const one = await prepared('keras', path, keras, 'brainscore', pictures);
  const [differences] = python('compare-activations.py', [one]) as Differences[];
  expect(Object.keys(differences)).toHaveLength(4);
  for (const [by] of Object.values(differences)) expect(by).toBeLessThanOrEqual(1e-5);
});

it.runIf(runs)('a package commits to what the card says', async () => {
  const model = { path: resnet, card: { ...card(), name: 'a net' } };
  const plugin = await laidOut({ model, format: 'brainscore' }, join(root, 'plugin'));
  const competition = await laidOut(
    { model, format: 'brainscore-2022' },
    join(root, 'competition'),
  );
  const said = python('commit-models.py', {
    plugins: dirname(plugin),
    identifier: 'a_net',
    competition: dirname(competition),
    pictures: ['0.png', '3.png', '7.jpg'].map((name) => join(stimuli, name)),
  });
  // The ten classes are fewer than the components of the regression, and are offered to none.
  const layers = ['maxpool', 'layer1.0', 'layer2.0.conv2', 'layer2.0', 'layer3.0', 'avgpool'];
  const committed = {
    identifier: 'a_net',
    name: 'a_net',
    layers,
    readout: 'avgpool',
    map: card().region_layer_map,
    degrees: 8,
    activations: expect.arrayContaining([
      ['avgpool', [3, 48, 1, 1]],
      ['layer2.0.conv2', [3, 24, 6, 6]],
    ]),
  };
  const last = [...layers.filter((layer) => layer !== 'avgpool'), 'avgpool'];
  expect(said).toEqual({
    plugin: { a_net: committed },
    competition: {
      names: ['a_net'],
      layers: last,
      bibtex: '',
      brain: { ...committed, layers: last },
    },
  });
});

it('the classes of ImageNet are the layer that Brain-Score asks label tasks of', async () => {
  const named = card();
  const logits = { layer: 'layer3.0', classes: 'imagenet-1k' } as const;
  const outputs = async (one: ModelCard) => {
    const model = { path: resnet, card: one };
    const text = textIn(await buildPackage({ model, format: 'brainscore' }), 'network.py');
    return /OUTPUTS = \{[^}]*\}/.exec(text)?.[0];
  };
  expect(await outputs({ ...named, logits })).toContain("'logits': '/layer3/layer3.0/relu_1/");
  expect(await outputs(named)).not.toContain("'logits': ");
});

it.skipIf(runs)(
  'skips the run of packages: there is no Python with onnxruntime, numpy and Pillow',
  () => {
    process.stdout.write(
      'packages: their Python is not run, for there is none with onnxruntime, numpy and Pillow\n',
    );
  },
);
