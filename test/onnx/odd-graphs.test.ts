import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { extractActivations } from '../../src/activations/extract.js';
import { preparedGraph } from '../../src/activations/model-file.js';
import type { StimulusSet } from '../../src/data/stimulus-set.js';
import { VentralError } from '../../src/errors/ventral-error.js';
import { checkGraph } from '../../src/onnx/checks/check-graph.js';
import { listLayers, resolveLayer } from '../../src/onnx/layers.js';
import { readModel } from '../../src/onnx/model.js';
import { madeStimuli, plainCard } from '../activations/made-networks.js';
import { noise } from '../screen/raster.js';
import { flows, opsets, shapes } from './odd/exporter-cases.js';
import { mutation } from './odd/mutations.js';
import type { OddCase } from './odd/odd-case.js';
import { Odd } from './odd/raw-graph.js';
import { names, refusals, structures } from './odd/structure-cases.js';
import { tools } from './odd/tool-cases.js';

const SIDE = 16;
const IMAGES = 3;
/** Images in one call where the graph leaves the batch free. */
const BATCH = 8;

let scratch: string;
let stimuli: StimulusSet;
beforeAll(async () => {
  scratch = mkdtempSync(`${tmpdir()}/ventral-odd-`);
  stimuli = await madeStimuli(IMAGES, SIDE);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The file, with some of its values as further outputs: written here, not by the code under test. */
function bytesOf({ make }: OddCase, exposed: readonly string[] = []): Uint8Array {
  const graph = new Odd();
  const options = make(graph);
  if (exposed.length > 0) {
    graph.outputs.length = 0;
    graph.mend();
  }
  for (const name of exposed) graph.out(name);
  return graph.build(options);
}

const cardOf = ({ card }: OddCase) => ({
  ...plainCard({ layout: undefined, ...card?.input }),
  // None of its own: every value is computed operator by operator, as the runtime alone does it.
  layers: ['none'],
  ...(card?.trials === undefined ? {} : { trials: card.trials }),
});

function opened(odd: OddCase) {
  const bytes = bytesOf(odd);
  const read = readModel(bytes, 'odd.onnx');
  checkGraph(read);
  const card = cardOf(odd);
  const model = preparedGraph(read, card);
  const file = { name: 'odd', digest: 'sha256:odd', bytes, model, card };
  return { network: { file, card }, model };
}

async function computed(odd: OddCase, layers: readonly string[]) {
  const { network } = opened(odd);
  const found = await extractActivations(network, { stimuli, degrees: undefined }, layers, {
    ...{ threads: 1, maxMemory: 2 ** 30, maxScratch: 0, scratch },
  });
  const values = new Map<string, readonly number[]>();
  for (const [layer, store] of found.layers)
    values.set(layer, Array.from(await store.columns(0, store.cols)));
  found.close();
  return values;
}

/** What ONNX Runtime alone gives for the images, the last one repeated to a full batch. */
async function given(odd: OddCase, values: readonly string[]) {
  const session = await InferenceSession.create(bytesOf(odd, values), {
    ...{ graphOptimizationLevel: 'disabled', intraOpNumThreads: 1, logSeverityLevel: 4 },
  });
  const [input] = session.inputMetadata.filter(({ name }) => name === 'image');
  const rest = session.inputMetadata.filter(({ name }) => name !== 'image');
  // What is asked for depends on none of them.
  const others = Object.fromEntries(
    rest.map(({ name }) => [name, new OrtTensor('float32', Float32Array.of(1), [1])]),
  );
  if (!input.isTensor) throw new RangeError('the image is no tensor');
  const [free] = input.shape;
  const batch = typeof free === 'number' ? free : (odd.batch ?? BATCH);
  const isLast = input.shape[3] === 3;
  const dims = isLast ? [SIDE, SIDE, 3] : [3, SIDE, SIDE];
  const length = 3 * SIDE * SIDE;
  const found = new Map<string, number[]>();
  for (let first = 0; first < IMAGES; first += batch) {
    const data =
      input.type === 'uint8' ? new Uint8Array(batch * length) : new Float32Array(batch * length);
    for (let i = 0; i < batch; i++) {
      const { data: pixels } = noise(SIDE, SIDE, 3, Math.min(first + i, IMAGES - 1) + 1);
      for (let place = 0; place < SIDE * SIDE; place++)
        for (let c = 0; c < 3; c++)
          data[i * length + (isLast ? place * 3 + c : c * SIDE * SIDE + place)] =
            pixels[place * 3 + c];
    }
    const tensor = new OrtTensor(input.type as 'float32', data as Float32Array, [batch, ...dims]);
    const made = await session.run({ ...others, image: tensor });
    for (const value of values) {
      const numbers = Array.from(made[value].data as Iterable<number | bigint>, Number);
      const width = numbers.length / batch;
      const shown = Math.min(batch, IMAGES - first);
      found.set(value, [...(found.get(value) ?? []), ...numbers.slice(0, shown * width)]);
    }
  }
  await session.release();
  return found;
}

const codeOf = (thrown: unknown) =>
  thrown instanceof VentralError ? `${thrown.code}: ${thrown.message}` : thrown;

async function holds(odd: OddCase): Promise<void> {
  const { model } = opened(odd);
  const listed = listLayers(model).filter(({ value }) => value !== null);
  const values = listed.filter(({ kind }) => kind === 'value').map(({ name }) => name);
  expect(values).toEqual(odd.values);
  for (const [module, value] of Object.entries(odd.modules ?? {}))
    expect([module, resolveLayer(model, module).value]).toEqual([module, value]);
  const refused = odd.refused ?? {};
  for (const [layer, sentence] of Object.entries(refused)) {
    const thrown = await computed(odd, [layer]).catch((error: unknown) => error);
    expect(codeOf(thrown)).toMatch(sentence);
    expect(String(codeOf(thrown)).length).toBeLessThan(1000);
  }
  // The ends of a long chain tell of its middle.
  const shown = values.filter((name) => !Object.hasOwn(refused, name));
  const asked = shown.length > 100 ? [...shown.slice(0, 5), ...shown.slice(-5)] : shown;
  expect(differences(await computed(odd, asked), await given(odd, asked))).toEqual([]);
}

type Numbers = ReadonlyMap<string, readonly number[]>;

/** By layer: where two lists of numbers part, bit for bit. */
function differences(found: Numbers, expected: Numbers): string[] {
  return [...expected].flatMap(([layer, numbers]) => {
    const own = found.get(layer) ?? [];
    const at = numbers.findIndex((number, i) => !Object.is(number, own[i]));
    if (at < 0 && own.length === numbers.length) return [];
    return [
      `${layer}[${at}] of ${numbers.length}: ${own[at]} for ${numbers[at]}, ${own.length} found`,
    ];
  });
}

describe.each([
  ['what exporters write', opsets],
  ['shapes', shapes],
  ['control flow, sequences and functions', flows],
  ['names', names],
  ['structures', structures],
  ['what tools write', tools],
])('%s', (_, cases) => {
  const whole = cases.filter(({ file }) => !file);
  test.each(whole.map((odd) => [odd.name, odd] as const))('%s', (_, odd) => holds(odd));
});

test.each(Array.from({ length: 60 }, (_, seed) => seed))('put together by seed %i', (seed) =>
  holds(mutation(seed)),
);

describe('refused in a sentence', () => {
  const files = [...refusals, ...shapes, ...structures, ...tools].filter(({ file }) => file);
  test.each(files.map((odd) => [odd.name, odd] as const))('%s', async (_, odd) => {
    const [code, sentence] = odd.file as NonNullable<OddCase['file']>;
    const everything = () =>
      listLayers(opened(odd).model).flatMap(({ kind, value }) =>
        kind === 'value' && value !== null ? [value] : [],
      );
    const thrown = await (async () => computed(odd, everything()))().catch(
      (error: unknown) => error,
    );
    expect(thrown).toBeInstanceOf(VentralError);
    expect(thrown).toMatchObject({ code, message: expect.stringMatching(sentence) });
  });
});
