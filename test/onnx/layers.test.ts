import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { VentralError } from '../../src/errors/ventral-error.js';
import { exposeValues } from '../../src/onnx/expose.js';
import { GraphBuilder } from '../../src/onnx/graph-builder.js';
import { expandLayers, listLayers, resolveLayer } from '../../src/onnx/layers.js';
import { type Model, readModel } from '../../src/onnx/model.js';
import { Session } from '../../src/runtime/session.js';
import { numbers, type OracleArray, oracle, oraclePath } from '../oracle.js';
import { tolerances } from '../tolerances.js';

const FILES = ['unfolded', 'folded', 'newer'] as const;
type File = (typeof FILES)[number];

interface Module {
  name: string;
  calls: number;
  activation?: OracleArray;
  graph:
    | string
    | Record<
        File,
        {
          value?: string;
          input_of?: string;
          folded?: boolean;
          carried_by?: string;
          value_of_that_name_holds_output_of?: string[];
        }
      >;
  names_alone_cannot_tell?: { files: File[] };
}

function open(path: string): Model {
  return readModel(readFileSync(oraclePath(path)), path);
}

/** What resolving gives: a value, or a refusal. */
function ask(model: Model, name: string): { value: string } | { error: VentralError } {
  try {
    return { value: resolveLayer(model, name).value };
  } catch (error) {
    if (error instanceof VentralError) return { error };
    throw error;
  }
}

/** Runs the model on one input and gives values of it by name. */
async function values(model: Model, names: string[], input: OracleArray) {
  const session = await Session.open(exposeValues(model, names));
  const data = Float32Array.from(numbers(input));
  const results = await session.run({
    [session.inputs[0].name]: { dtype: 'float32', dims: input.shape, data },
  });
  await session.close();
  expect(Object.keys(results).sort()).toEqual([...new Set(names)].sort());
  return results;
}

function expectActivation(got: { data: unknown; dims: readonly number[] }, want: OracleArray) {
  expect([...got.dims]).toEqual(want.shape);
  const wanted = numbers(want);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const { absolute, relative } = tolerances.activations;
  const data = got.data as Float32Array;
  const worst = wanted.reduce((most, v, i) => Math.max(most, Math.abs(v - data[i])), 0);
  expect(worst).toBeLessThanOrEqual(absolute + relative * largest);
}

for (const net of ['resnet', 'mbconv', 'odd']) {
  const golden = oracle(`11-layer-names/${net}/expected.json`);
  expect(golden.net).toBe(net);
  expect(golden.versions.torch + golden.versions.onnx + golden.versions.onnxruntime).toBeTruthy();
  const modules = Array.from({ length: golden.modules.length }, (_, i) => golden.modules[i]);

  describe.each(FILES)(`${net}, %s`, (file) => {
    const model = open(`11-layer-names/${net}/${file}.onnx`);
    const shared = golden.values_that_share_a_name_with_a_module[file] as Record<
      string,
      { activation: OracleArray; equals_the_module: boolean }
    >;
    const nameOf = (module: Module) =>
      module.name in shared ? `module:${module.name}` : module.name;

    test.each(modules.map((m: Module) => [m.name, m] as const))('%s', (_, module) => {
      const got = ask(model, nameOf(module));
      if (typeof module.graph === 'string') {
        // Never called: whatever is said, no value is given.
        expect(
          'error' in got && ['layer-unknown', 'layer-ambiguous'].includes(got.error.code),
        ).toBe(true);
        return;
      }
      const want = module.graph[file];
      const value = want.value ?? want.carried_by;
      if (want.folded && value === undefined) {
        expect(got).toMatchObject({ error: { code: 'layer-folded' } });
        const [holder] = want.value_of_that_name_holds_output_of ?? [];
        expect('error' in got && got.error.message).toContain(holder);
        expect('error' in got && got.error.message).toContain('do_constant_folding=False');
        return;
      }
      const mayList = module.names_alone_cannot_tell?.files.includes(file) || want.input_of;
      if (mayList && 'error' in got) {
        expect(got.error.code).toBe('layer-ambiguous');
        expect(got.error.details.found?.split(', ')).toContain(value);
        return;
      }
      expect(got).toEqual({ value });
    });

    test('every module that can be had records what the forward hook recorded', async () => {
      const found = modules.flatMap((module: Module) => {
        const got = ask(model, nameOf(module));
        return 'value' in got ? [{ module, value: got.value }] : [];
      });
      expect(found.length).toBeGreaterThan(modules.length / 2);
      const results = await values(
        model,
        found.map((f) => f.value),
        golden.input.values,
      );
      for (const { module, value } of found) expectActivation(results[value], module.activation!);
    });

    test('a value whose name a module shares is meant by the bare name', async () => {
      for (const [name, want] of Object.entries(shared)) {
        expect(resolveLayer(model, name).value).toBe(name);
        expectActivation((await values(model, [name], golden.input.values))[name], want.activation);
        const names = listLayers(model).map((layer) => layer.name);
        expect(names).toEqual(expect.arrayContaining([name, `module:${name}`]));
        expect(resolveLayer(model, `module:${name}`).value === name).toBe(want.equals_the_module);
      }
    });

    test('input and output are where they were', async () => {
      expect(model.graph.inputs[0].name).toBe(golden.input.name[file]);
      const output = golden.output.name[file];
      expect(model.graph.outputs.map((o) => o.name)).toEqual([output]);
      expectActivation(
        (await values(model, [output], golden.input.values))[output],
        golden.output.values,
      );
    });
  });
}

describe.each([
  ['resnet', 'resnet'],
  ['mbconv', 'mbconv'],
  ['mbconv-opencv', 'mbconv'],
  ['mbconv-short-side', 'mbconv'],
])('end-to-end %s', (variant, net) => {
  const { folded_model: folded } = oracle(`09-end-to-end/expected/${variant}.json`);
  test('the folded file refuses exactly the layers that it lost', () => {
    expect(folded.note).toBeTruthy();
    const model = open(`09-end-to-end/${folded.file}`);
    const whole = open(`09-end-to-end/${net}/model.onnx`);
    const names = listLayers(whole)
      .filter((l) => l.kind === 'module')
      .map((l) => l.name);
    const lost = names.filter((name) => {
      const got = ask(model, name);
      return 'error' in got && got.error.code === 'layer-folded';
    });
    expect(lost.sort()).toEqual([...folded.layers_absent].sort());
    expect(
      listLayers(model)
        .filter((l) => l.folded)
        .map((l) => l.name)
        .sort(),
    ).toEqual(lost);
  });
});

describe('names', () => {
  const model = open('11-layer-names/mbconv/unfolded.onnx');

  test('a layer that is not there is refused with the closest names', () => {
    const got = ask(model, 'blocks.1.0.conv_pw1');
    expect(got).toMatchObject({ error: { code: 'layer-unknown', exit: 2 } });
    expect('error' in got && got.error.message).toContain('blocks.1.0.conv_pw');
  });

  test.each([
    '',
    'module:',
    'nothing.like.it',
    'blocks.7',
    '/',
    'module:blocks.9',
    'conv_stem.weight',
  ])('%j is no layer', (name) => {
    expect(ask(model, name)).toMatchObject({ error: { code: 'layer-unknown' } });
  });

  test('a glob stops at no dot, keeps the order of execution and names each layer once', () => {
    const names = expandLayers(model, ['blocks.1.*', 'blocks.1.0', 'global_pool.*']).map(
      (l) => l.name,
    );
    expect(names).toContain('blocks.1.0.se.conv_reduce');
    expect(names).not.toContain('blocks.0.0');
    expect(names.slice(-2)).toEqual(['global_pool.pool', 'global_pool.flatten']);
    expect(new Set(names).size).toBe(names.length);
    expect(names.indexOf('blocks.1.0.conv_pw')).toBeLessThan(names.indexOf('blocks.1.0.conv_pwl'));
  });

  test('a glob passes over what is folded; a name does not', () => {
    const folded = open('11-layer-names/mbconv/folded.onnx');
    const names = expandLayers(folded, ['blocks.1.0.*']).map((l) => l.name);
    expect(names).toContain('blocks.1.0.bn1');
    expect(names).not.toContain('blocks.1.0.conv_pw');
    expect(() => expandLayers(folded, ['blocks.1.0.conv_pw'])).toThrow(/folded/);
  });

  test('a glob that fits nothing is refused', () => {
    expect(() => expandLayers(model, ['stages.*'])).toThrow(/stages/);
  });

  test('where no module fits, a glob means values', () => {
    const names = expandLayers(model, ['/global_pool/*']).map((l) => l.name);
    expect(names).toEqual([
      '/global_pool/pool/GlobalAveragePool_output_0',
      '/global_pool/flatten/Flatten_output_0',
    ]);
  });
});

test('a glob that would take for ever is refused', () => {
  const model = open('11-layer-names/mbconv/unfolded.onnx');
  expect(() => expandLayers(model, ['*a*a*a*a*a*a*a*b'])).toThrow(/stars|too long/);
});

test('parts of parts of a layer, and more parts than there are, are refused at once', () => {
  const model = open('11-layer-names/mbconv/unfolded.onnx');
  const deep = `stem.conv${'@mean'.repeat(20_000)}`;
  const many = `*@{${Array(200_000).fill('mean').join()}}`;
  for (const pattern of [deep, many]) {
    const error = thrownBy(() => expandLayers(model, [pattern]));
    expect(error.code).toBe('layer-unknown');
    expect(error.message.length).toBeLessThan(1000);
  }
});

test('a name as long as a file is shortened in what is said of it', () => {
  const long = 'x'.repeat(300_000);
  const graph = new GraphBuilder('long');
  graph.input('image', 'float32', [1, 4]);
  graph.node('RandomNormalLike', ['image'], { outputs: [long] });
  graph.output(long, 'float32', [1, 4]);
  const model = readModel(graph.build(), 'long');
  for (const name of [long, `${long}y`, `${long}*`]) {
    const { message, details } = thrownBy(() => expandLayers(model, [name]));
    expect(message.length + JSON.stringify(details).length).toBeLessThan(3000);
  }
});

function thrownBy(run: () => unknown): VentralError {
  try {
    run();
  } catch (error) {
    return error as VentralError;
  }
  throw new Error('nothing was refused');
}
