import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ContentCache } from '../../src/activations/cache/content-cache.js';
import { extractActivations, type Network } from '../../src/activations/extract.js';
import { openReducer, type ReduceOptions } from '../../src/activations/reduce-layers.js';
import {
  type Form,
  type ReducedLayer,
  reduceFeatures,
} from '../../src/activations/reduced-layer.js';
import type { Demand } from '../../src/activations/reduction-plan.js';
import type { Shown } from '../../src/activations/stimuli/shown.js';
import type { VentralError } from '../../src/errors/ventral-error.js';
import { concatFeatures } from '../../src/numerics/algebra/concat-features.js';
import { Session } from '../../src/runtime/session.js';
import { Work } from '../../src/runtime/work.js';
import { tolerances } from '../tolerances.js';
import { branchingNetwork, fileOf } from './branching-network.js';
import { madeStimuli, plainCard } from './made-networks.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-reduce-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const opened = vi.spyOn(Session, 'open');
let scratch: string;
let runs = 0;
beforeEach(() => {
  scratch = join(root, `scratch-${runs++}`);
  mkdirSync(scratch);
  opened.mockClear();
});

const ROWS = 20;
const stimuli = await madeStimuli(ROWS);
const shown: Shown[] = [{ stimuli, degrees: undefined }];
const card = { ...plainCard({ range: 1 }), layers: ['r*', 'o*', 'pool'] };
const network: Network = { file: fileOf(branchingNetwork()), card };
const UNITS = 8 * 16 * 16;
const BLOCKS = ['r0', 'o0', 'r1', 'o1', 'r2', 'o2'];

const demandOf = (layer: string, form: Form = 'gram', sets: readonly number[] = [0]): Demand => ({
  layer,
  layers: layer.split('+'),
  sets,
  form: () => form,
});

/** Everything of a reduced layer, also of features that are on scratch disk. */
async function content(layer: ReducedLayer) {
  if (layer.form !== 'features') return layer;
  const blocks = layer.features.map(async (each) => (await each.columns(0, each.cols)).slice());
  return { ...layer, features: await Promise.all(blocks) };
}

interface Reduced {
  readonly plan: Awaited<ReturnType<typeof openReducer>>['plan'];
  readonly layers: Map<string, Awaited<ReturnType<typeof content>>>;
  readonly errors: Map<string, VentralError>;
  /** Bytes in the scratch folder at the highest. */
  readonly scratch: number;
}

async function reduce(
  demands: readonly Demand[],
  options: Partial<ReduceOptions> = {},
  from: Partial<Network> & { readonly shown?: readonly Shown[] } = {},
): Promise<Reduced> {
  let most = 0;
  const look = () => {
    most = Math.max(most, bytesIn(scratch));
  };
  const reducer = await openReducer({ ...network, ...from }, from.shown ?? shown, demands, {
    threads: 1,
    maxMemory: 2 ** 30,
    maxScratch: 2 ** 30,
    scratch,
    progress: Work.start(look),
    ...options,
  });
  const found: Reduced = { plan: reducer.plan, layers: new Map(), errors: new Map(), scratch: 0 };
  for await (const { demand, ...met } of reducer.run()) {
    look();
    const key = `${demand.layer} ${demand.sets}`;
    expect(found.layers.has(key) || found.errors.has(key)).toBe(false);
    if ('error' in met) found.errors.set(demand.layer, met.error);
    else found.layers.set(demand.layer, await content(met.reduced));
  }
  expect(bytesIn(scratch)).toBe(0);
  return { ...found, scratch: most };
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** Each layer alone by way of whole activations, without the engine. */
async function plainly(layer: string, form: Form, sets: readonly Shown[] = shown) {
  const names = layer.split('+');
  const features = [];
  for (const set of sets) {
    const options = { threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30, scratch };
    const { layers } = await extractActivations(network, set, names, options);
    features.push(concatFeatures(names.map((name) => layers.get(name)!)));
  }
  return content(await reduceFeatures(features, form));
}

/** Room for the outputs of one layer of a block in a group, and none of them in memory. */
const NARROW = 300_000;

describe('the same bits come', () => {
  const layers = [...BLOCKS, 'c1', 's2', 'pool', 'r0+pool', 'c0+o1'];

  test.each<Form>(['gram', 'features'])('of %s however the work is divided', async (form) => {
    const demands = layers.map((layer) => demandOf(layer, form));
    const together = await reduce(demands);
    const divided = await reduce(demands, { maxMemory: NARROW });
    expect(divided.plan.sets[0].passes.length).toBeGreaterThan(8);
    for (const layer of layers) {
      const expected = await plainly(layer, form);
      expect(together.layers.get(layer)).toEqual(expected);
      expect(divided.layers.get(layer)).toEqual(expected);
      expect((await reduce([demandOf(layer, form)])).layers.get(layer)).toEqual(expected);
    }
  });

  test('of the products of a read-out over two sets', async () => {
    const both = [...shown, { stimuli: await madeStimuli(9), degrees: undefined }];
    const demands = BLOCKS.map((layer) => demandOf(layer, 'read-out', [0, 1]));
    for (const maxMemory of [2 ** 30, NARROW]) {
      const { layers: found } = await reduce(demands, { maxMemory }, { shown: both });
      for (const layer of ['r0', 'o2'])
        expect(found.get(layer)).toEqual(await plainly(layer, 'read-out', both));
    }
  });

  test('from the cache, without the network', async () => {
    const cache = await ContentCache.open(join(root, 'bits'));
    const demands = [demandOf('r1'), demandOf('pool', 'features'), demandOf('o2', 'features')];
    const fresh = await reduce(demands, { cache });
    opened.mockClear();
    const again = await reduce(demands, { cache });
    expect(opened).not.toHaveBeenCalled();
    expect(again.plan.sets[0]).toMatchObject({ passes: [], cached: 3 });
    expect(again.layers).toEqual(fresh.layers);
  });
});

describe('the plan', () => {
  test('is one pass for all candidates, and one for other values', async () => {
    const candidates = await reduce(BLOCKS.map((layer) => demandOf(layer)));
    expect(candidates.plan.sets).toEqual([
      { sets: [0], stimuli: ROWS, passes: [BLOCKS], cached: 0 },
    ]);
    // One session is for the shapes.
    expect(opened).toHaveBeenCalledTimes(2);
    opened.mockClear();
    const mixed = await reduce(['o0', 'c1', 's0'].map((layer) => demandOf(layer)));
    expect(mixed.plan.sets[0].passes).toEqual([['o0'], ['s0', 'c1']]);
    expect(opened).toHaveBeenCalledTimes(3);
    opened.mockClear();
    const joined = await reduce([demandOf('o0+c1')]);
    expect(joined.plan.sets[0].passes).toEqual([['o0+c1'], ['o0+c1']]);
    expect(opened).toHaveBeenCalledTimes(3);
  });

  test('tells units, those of the pictures at hand where the card leaves their size open', async () => {
    const { plan } = await reduce([demandOf('r0'), demandOf('r0+pool'), demandOf('words')]);
    expect(Object.fromEntries(plan.units)).toEqual({ r0: UNITS, 'r0+pool': UNITS + 8, words: 0 });
  });

  test.each([NARROW, 2 * NARROW, 4 * NARROW])(
    'with %i bytes of memory tells scratch and passes',
    async (maxMemory) => {
      const { plan, scratch: most } = await reduce(
        [...BLOCKS, 'r0+pool'].map((layer) => demandOf(layer)),
        { maxMemory },
      );
      expect(opened).toHaveBeenCalledTimes(plan.sets[0].passes.length + 1);
      expect(plan.scratch).toBeGreaterThan(0);
      expect(Math.abs(most / plan.scratch - 1)).toBeLessThan(tolerances.plan);
    },
  );

  test('decodes pictures once where several passes show them', async () => {
    const read = vi.fn(stimuli.read);
    const counted = [{ stimuli: { ...stimuli, read }, degrees: undefined }];
    const { plan } = await reduce(
      BLOCKS.map((layer) => demandOf(layer)),
      { maxMemory: NARROW },
      { shown: counted },
    );
    expect(plan.sets[0].passes.length).toBeGreaterThan(2);
    // Once for the digest, once for the network, and the first for its size.
    expect(read).toHaveBeenCalledTimes(2 * ROWS + 1);
  });
});

describe('what fails alone', () => {
  test('is a layer that scratch does not hold', async () => {
    const {
      layers,
      errors,
      scratch: most,
    } = await reduce(
      ['r0', 'pool', 'o2'].map((layer) => demandOf(layer)),
      { maxMemory: 10_000, maxScratch: 100_000 },
    );
    expect([...layers.keys()]).toEqual(['pool']);
    for (const layer of ['r0', 'o2'])
      expect(errors.get(layer)).toMatchObject({
        code: 'memory-exceeded',
        message: expect.stringContaining(`The layer ${layer} has ${UNITS} units`),
      });
    expect(most).toBeLessThanOrEqual(100_000);
  });

  test('is a layer that is not finite, or holds words', async () => {
    const demands = ['o1', 'log', 'words', 'pool+log', 'pool'].map((layer) => demandOf(layer));
    const { layers, errors } = await reduce(demands);
    expect([...layers.keys()].sort()).toEqual(['o1', 'pool']);
    expect(errors.get('log')).toMatchObject({ code: 'activations-not-finite' });
    expect(errors.get('pool+log')).toMatchObject({ code: 'activations-not-finite' });
    expect(errors.get('words')).toMatchObject({ code: 'input-mismatch' });
    expect((await reduce([demandOf('words')])).errors.size).toBe(1);
  });

  test('is a stimulus set with a picture that cannot be read', async () => {
    const broken = { ...stimuli, read: async () => Uint8Array.of(1, 2, 3) };
    const both = [...shown, { stimuli: broken, degrees: undefined }];
    const demands = [demandOf('r0'), demandOf('o0', 'gram', [1])];
    const { layers, errors } = await reduce(demands, {}, { shown: both });
    expect([...layers.keys()]).toEqual(['r0']);
    expect(errors.get('o0')).toMatchObject({ code: 'image-corrupt' });
  });
});

test('an interrupted run throws and leaves no scratch', async () => {
  const stop = new AbortController();
  const running = reduce(
    BLOCKS.map((layer) => demandOf(layer)),
    {
      maxMemory: NARROW,
      signal: stop.signal,
      progress: Work.start(({ done }) => done > 30 && stop.abort()),
    },
  );
  await expect(running).rejects.toMatchObject({ code: 'interrupted' });
  expect(bytesIn(scratch)).toBe(0);
});

describe('the cache', () => {
  const demands = [demandOf('o2')];

  /** Whether the network had to run for the layer, and the layer. */
  async function asked(home: string, from: Parameters<typeof reduce>[2] = {}) {
    const cache = await ContentCache.open(home);
    const { plan, layers } = await reduce(demands, { cache }, from);
    return { ran: plan.sets[0].passes.length > 0, layer: layers.get('o2') };
  }

  test('serves another name of the same bytes', async () => {
    const home = join(root, 'renamed');
    await asked(home);
    const file = fileOf(branchingNetwork(), 'another');
    expect((await asked(home, { file, card: { ...card, name: 'another' } })).ran).toBe(false);
  });

  test('does not serve another crop, other weights or other bytes of a picture', async () => {
    const home = join(root, 'changed');
    const [first] = [await asked(home)];
    const crop = (side: number) => ({ card: { ...card, input: { ...card.input, crop: side } } });
    expect(await asked(home, crop(16))).toEqual({ ran: true, layer: first.layer });
    const smaller = await asked(home, crop(15));
    expect(smaller.ran).toBe(true);
    expect(smaller.layer).not.toEqual(first.layer);
    expect((await asked(home, { file: fileOf(branchingNetwork(1 / 4)) })).ran).toBe(true);
    const read = async (row: number) => {
      const bytes = await stimuli.read(row);
      return row === 7 ? sharp(bytes).png({ compressionLevel: 0 }).toBuffer() : bytes;
    };
    const encoded = [{ stimuli: { ...stimuli, read }, degrees: undefined }];
    expect(await asked(home, { shown: encoded })).toEqual({ ran: true, layer: first.layer });
    const turned = [
      { stimuli: { ...stimuli, ids: [...stimuli.ids].reverse() }, degrees: undefined },
    ];
    expect((await asked(home, { shown: turned })).ran).toBe(true);
    expect((await asked(home)).ran).toBe(false);
  });

  test('computes a damaged entry again, with the same bits', async () => {
    const home = join(root, 'damaged');
    const first = await asked(home);
    const folder = join(home, 'cache', 'activations');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(folder, name))
      .filter((path) => statSync(path).isFile());
    for (const path of files) {
      const bytes = readFileSync(path);
      bytes[bytes.length - 9] ^= 1;
      writeFileSync(path, bytes);
    }
    expect((await asked(home)).layer).toEqual(first.layer);
    opened.mockClear();
    expect((await asked(home)).layer).toEqual(first.layer);
    expect(opened).not.toHaveBeenCalled();
  });
});
