import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapCandidates } from '../../src/activations/card/candidates.js';
import { computedAs } from '../../src/activations/exposed-values.js';
import { measureLayers } from '../../src/activations/measure-layers.js';
import { openModelFile } from '../../src/activations/model-file.js';
import { openNetwork } from '../../src/activations/open-network.js';
import { VentralError } from '../../src/errors/ventral-error.js';
import { plainCard } from '../activations/made-networks.js';
import { flows, opsets, shapes } from '../onnx/odd/exporter-cases.js';
import { type OddCase, STEM } from '../onnx/odd/odd-case.js';
import { Odd } from '../onnx/odd/raw-graph.js';
import { chain, names, refusals, structures } from '../onnx/odd/structure-cases.js';
import { tools } from '../onnx/odd/tool-cases.js';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-odd-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const cases = [opsets, shapes, flows, names, structures, tools, refusals].flat();

function written({ make }: Pick<OddCase, 'make'>, index: number): string {
  const graph = new Odd();
  const options = make(graph);
  const path = join(root, `${index}.onnx`);
  writeFileSync(path, graph.build(options));
  return path;
}

const cardOf = ({ card }: OddCase) => ({
  ...plainCard({ crop: 16, ...card?.input }),
  ...(card?.trials === undefined ? {} : { trials: card.trials }),
});

/** As the command line opens it: tried in a process of its own, its layers measured, its candidates found. */
test.each(cases.map((odd, index) => [odd.name, odd, index] as const))(
  '%s: opened or refused, never a crash',
  async (_, odd, index) => {
    const path = written(odd, index);
    const card = cardOf(odd);
    const opening = async () => {
      const { file } = await openNetwork({ path, card });
      return {
        candidates: mapCandidates(file.model, card),
        layers: await measureLayers(path, { card }),
      };
    };
    if (odd.file) {
      // Opening alone does not have the runtime read what the graph says.
      const thrown = await opening().catch((error: unknown) => error);
      expect(thrown).toBeInstanceOf(VentralError);
      expect((thrown as VentralError).code).toBe(odd.file[0]);
      return;
    }
    const { candidates, layers } = await opening();
    const available = layers.filter(({ value }) => value !== null);
    expect(available.filter(({ kind }) => kind === 'value').map(({ name }) => name)).toEqual(
      odd.values,
    );
    const known = new Set(odd.values);
    for (const { value } of candidates) if (value !== null) expect(known).toContain(value);
    const measured = available.filter(({ shape }) => shape !== null);
    expect(measured.length).toBeGreaterThanOrEqual(Math.min(STEM.length, available.length - 2));
  },
);

test('as many nodes as a network may have are listed, with what they are computed from', async () => {
  const card = plainCard({ crop: 16 });
  const path = written({ make: chain(99_000) }, cases.length);
  const file = await openModelFile(path, { card });
  const candidates = mapCandidates(file.model, undefined);
  expect(candidates).toHaveLength(99_002);
  expect(computedAs(file, { ...card, layers: ['b*'] }, 'v98999')).toMatchObject({
    operators: 'fused',
  });
});
