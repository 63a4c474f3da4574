import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { extractActivations } from '../../../src/activations/extract.js';
import { OutputBuffers } from '../../../src/activations/scratch/output-buffers.js';
import { ScratchFile, wholePages } from '../../../src/activations/scratch/scratch-file.js';
import { ScratchRoute } from '../../../src/activations/scratch/scratch-route.js';
import type { Tensor } from '../../../src/runtime/session.js';
import { madeNetwork, madeStimuli, modelFile, plainCard } from '../made-networks.js';

/** A system that refuses direct writes where it is told to, and counts the bytes of either way. */
const system = vi.hoisted(() => ({
  refuses: 'nothing' as 'nothing' | 'to open' | 'to write',
  direct: new Set<number>(),
  written: { direct: 0, cached: 0 },
  calls: 0,
}));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const util = await import('node:util');
  const refusal = () => Object.assign(new Error('EINVAL'), { code: 'EINVAL' });
  const isDirect = (flags: unknown) =>
    typeof flags === 'number' && (flags & (fs.constants.O_DIRECT ?? 0)) !== 0;
  const write = util.promisify(fs.write);
  return {
    ...fs,
    openSync(...[path, flags, mode]: Parameters<typeof fs.openSync>) {
      if (isDirect(flags) && system.refuses === 'to open') throw refusal();
      const file = fs.openSync(path, flags, mode);
      if (isDirect(flags)) system.direct.add(file);
      else system.direct.delete(file);
      return file;
    },
    write: Object.assign(() => {}, {
      async [util.promisify.custom as typeof promisify.custom](
        file: number,
        bytes: Uint8Array,
        ...rest: [number, number, number]
      ) {
        const direct = system.direct.has(file);
        if (direct && system.refuses === 'to write') throw refusal();
        const done = await write(file, bytes, ...rest);
        system.written[direct ? 'direct' : 'cached'] += done.bytesWritten;
        system.calls++;
        return done;
      },
    }),
  };
});

const root = mkdtempSync(join(tmpdir(), 'ventral-scratch-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  system.written = { direct: 0, cached: 0 };
  system.calls = 0;
});
afterEach(() => {
  system.refuses = 'nothing';
});

/** Copies that start on pages. */
function onPages(arrays: readonly Float32Array[]): Float32Array[] {
  const named = arrays.map((data, i): [string, Tensor] => [
    `${i}`,
    { dtype: 'float32', dims: [data.length], data },
  ]);
  const spilled = { takes: () => false, placeOf: () => undefined };
  const wanted = new Map(named.map(([name]) => [name, spilled]));
  const kept = new OutputBuffers([]).keep(Object.fromEntries(named), wanted);
  return named.map(([name]) => kept[name].data as Float32Array);
}

/** Whether direct writes work here at all. */
async function worksHere(): Promise<boolean> {
  const file = new ScratchFile(join(root, 'probe')).enter();
  const [values] = onPages([new Float32Array(1024)]);
  file.take(values, 0);
  await file.write('direct');
  file.leave();
  return system.written.direct > 0;
}

describe.each(['nothing', 'to open', 'to write'] as const)(
  'where the system refuses %s of direct writes',
  (refuses) => {
    test('values come back as they were written, whatever the way, together or one by one', async () => {
      system.refuses = refuses;
      const batch = fc.record({
        layers: fc.array(
          fc.record({
            values: fc.float32Array({ minLength: 1, maxLength: 3000 }),
            aligned: fc.boolean(),
          }),
          { minLength: 1, maxLength: 5 },
        ),
        route: fc.constantFrom('direct', 'cached'),
      });
      await fc.assert(
        fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 6 }), async (batches) => {
          const file = new ScratchFile(join(root, 'values')).enter();
          try {
            let end = 0;
            const places: { position: number; values: Float32Array }[] = [];
            for (const { layers, route } of batches) {
              const pages = onPages(layers.map(({ values }) => values));
              for (const [i, { values, aligned }] of layers.entries()) {
                file.take(aligned ? pages[i] : values, end);
                places.push({ position: end, values });
                end += wholePages(values.byteLength);
              }
              await file.write(route);
            }
            for (const { position, values } of places) {
              const found = new Float32Array(values.length);
              await file.readAhead(position, values.byteLength, new Uint8Array(4096));
              file.read(found, position);
              expect(found).toEqual(values);
            }
            expect(() => file.read(new Float32Array(1), end)).toThrow();
          } finally {
            file.leave();
          }
          expect(readdirSync(root)).toEqual([]);
        }),
        { numRuns: 60 },
      );
    });

    test('activations on scratch are those in memory', async () => {
      const file = modelFile(madeNetwork());
      const shown = { stimuli: await madeStimuli(20), degrees: undefined };
      const layers = ['conv', 'relu', 'half'];
      const valuesOf = async (maxMemory: number) => {
        const budgets = { threads: 1, maxMemory, maxScratch: 2 ** 30, scratch: root };
        const found = await extractActivations({ file, card: plainCard() }, shown, layers, budgets);
        const values = await Promise.all(
          [...found.layers.values()].map((store) => store.columns(0, store.cols)),
        );
        found.close();
        return values;
      };
      system.refuses = refuses;
      expect(await valuesOf(1)).toEqual(await valuesOf(2 ** 30));
      expect(readdirSync(root)).toEqual([]);
    });
  },
);

test('a pass writes what the runtime gives directly, all layers of a batch at once', async () => {
  if (!(await worksHere())) return;
  system.written = { direct: 0, cached: 0 };
  system.calls = 0;
  const shown = { stimuli: await madeStimuli(40), degrees: undefined };
  const budgets = { threads: 1, maxMemory: 1, maxScratch: 2 ** 30, scratch: root };
  const layers = ['conv', 'relu', 'pool'];
  const network = { file: modelFile(madeNetwork()), card: { ...plainCard(), layers } };
  vi.spyOn(ScratchRoute.prototype, 'route', 'get').mockReturnValue('direct');
  const found = await extractActivations(network, shown, layers, budgets);
  const bytes = [...found.layers.values()].reduce((sum, store) => sum + store.bytes, 0);
  found.close();
  vi.restoreAllMocks();
  expect(system.written).toEqual({ direct: bytes, cached: 0 });
  expect(system.calls).toBe(40 / 8);
});

test('a file of several layers is there until the last of them goes', async () => {
  const shown = { stimuli: await madeStimuli(12), degrees: undefined };
  const budgets = { threads: 1, maxMemory: 1, maxScratch: 2 ** 30, scratch: root };
  const layers = ['conv', 'relu'];
  const network = { file: modelFile(madeNetwork()), card: { ...plainCard(), layers } };
  const found = await extractActivations(network, shown, layers, budgets);
  const [conv, relu] = [...found.layers.values()];
  const values = relu.readRows(0, 12);
  expect(readdirSync(root)).toHaveLength(1);
  conv.close();
  conv.close();
  expect(() => conv.readRows(0, 1)).toThrow('released');
  expect(relu.readRows(0, 12)).toEqual(values);
  found.close();
  expect(readdirSync(root)).toEqual([]);
});

test('the page cache is used from where the network has waited longer than it worked', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(100), fc.nat(100))), (batches) => {
      const disk = new ScratchRoute();
      let [worked, waited, slow] = [0, 0, false];
      for (const [work, wait] of batches) {
        disk.took(work, wait);
        worked += work;
        waited += wait;
        slow ||= waited > worked;
        expect(disk.route).toBe(slow ? 'cached' : 'direct');
      }
    }),
  );
});
