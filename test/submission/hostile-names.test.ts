import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ModelCard } from '../../src/activations/card/card.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { buildPackage, type PackageFormat } from '../../src/submission/build-package.js';
import { type PythonValue, pythonLiteral } from '../../src/submission/python-literal.js';
import { layOut, textIn } from './packages.js';
import { hasPython, python } from './python.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-hostile-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Read {
  readonly literals: unknown[];
  readonly modules: Record<string, unknown>[];
}

const nasty = [
  "']; import os #",
  '"""',
  "'''",
  '\\',
  "\\'",
  'a\nb',
  'a\r\u2028b',
  '\u202Eevil',
  '{0}%s$(x)`y`',
  'VENTRAL.identifier',
  '$&$1',
  '\0',
  '🧠',
  'ä́',
  '__proto__',
  '#',
  'logits',
];
const name = fc.oneof(
  fc.constantFrom(...nasty),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }),
);

/** A network of one convolution and then a chain of values with these names. */
function chain(names: readonly string[]): Uint8Array {
  const graph = new GraphBuilder('chain');
  let value = graph.input('picture in', 'float32', ['batch', 3, 8, 8]);
  for (const each of names) value = graph.node('Relu', [value], { outputs: [each] });
  graph.output(value, 'float32', ['batch', 3, 8, 8]);
  return graph.build();
}

it.runIf(hasPython())('any value comes through Python as it was', () => {
  const values = fc.sample(fc.jsonValue({ stringUnit: 'binary' }), { numRuns: 400, seed: 5 });
  const all = [...nasty, ...values] as PythonValue[];
  const read = python('read-literals.py', {
    literals: all.map((value) => pythonLiteral(value)),
    modules: [],
  }) as Read;
  // JSON has no -0, which Python keeps.
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
  expect(plain(read.literals)).toEqual(plain(all));
});

it.runIf(hasPython())(
  'a card with hostile names gives Python that compiles and says them',
  async () => {
    const asked: { folder: string; names: string[] }[] = [];
    const expected: Record<string, unknown>[] = [];
    const one = fc.record({
      // A graph with a value of this name is refused when it is opened.
      layers: fc.uniqueArray(
        name.filter((each) => each !== '__proto__'),
        { minLength: 4, maxLength: 6 },
      ),
      title: name,
      bibtex: fc.oneof(name, fc.constant('@article{a,\n  title = {"It\'s"}\n}\n')),
      format: fc.constantFrom<PackageFormat>('brainscore', 'brainscore-2022'),
    });
    for (const { layers, title, bibtex, format } of fc.sample(one, { numRuns: 60, seed: 7 })) {
      const folder = join(root, String(asked.length));
      mkdirSync(folder);
      writeFileSync(join(folder, 'a.bib'), bibtex);
      const path = join(folder, 'net.onnx');
      writeFileSync(path, chain(layers));
      const [V1, V2, V4, IT] = layers;
      const readout = layers.at(-1) as string;
      const card: ModelCard = {
        name: title,
        input: {
          resize: { to: 8, mode: 'square', filter: 'bilinear', library: 'pillow' },
          range: 1e-7,
          mean: [0, 1e21, -0.5],
          std: [1, 1, 1],
          layout: 'NCHW',
        },
        visual_degrees: 8,
        readout,
        region_layer_map: { V1, V2, V4, IT: [IT, V1] },
      };
      const built = await buildPackage({
        model: { path, card },
        format,
        identifier: 'net',
        bibtex: join(folder, 'a.bib'),
      });
      const place = join(folder, 'package');
      layOut(built, place);
      asked.push({
        folder: place,
        names: ['OUTPUTS', 'INPUT', 'RANGE', 'MEAN', 'IDENTIFIER', 'BIBTEX'],
      });
      expected.push({
        OUTPUTS: Object.fromEntries(
          [...new Set([V1, V2, V4, IT, readout])].map((layer) => [layer, layer]),
        ),
        INPUT: 'picture in',
        RANGE: 1e-7,
        MEAN: [0, 1e21, -0.5],
        IDENTIFIER: 'net',
        BIBTEX: bibtex,
      });
      if (format === 'brainscore')
        expect(JSON.parse(textIn(built, 'net.json'))).toEqual(card.region_layer_map);
    }
    const read = python('read-literals.py', { literals: [], modules: asked }) as Read;
    expect(read.modules).toEqual(expected);
  },
);

it('a hostile model name gives an identifier of letters, digits and underscores, or a word why not', async () => {
  const path = join(root, 'named.onnx');
  writeFileSync(path, chain(['a']));
  const input = {
    resize: 'none',
    range: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    layout: 'NCHW',
  } as const;
  for (const title of [...nasty, 'Résumé-net v2', '50 ways', 'ResNet 50 (robust)']) {
    const card: ModelCard = { name: title, input, visual_degrees: 8, readout: 'a' };
    const model = { path, card };
    const built = await buildPackage({ model, format: 'brainscore' }).catch((error) => error);
    if (built instanceof Error) expect(built).toMatchObject({ code: 'package-invalid' });
    else expect(built.identifier).toMatch(/^[A-Za-z]\w*$/);
  }
});
