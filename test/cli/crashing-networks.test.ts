import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Score } from '../../src/scoring/measure/score.js';
import { alwaysCrashing, halfAttention } from '../activations/crashing-networks.js';
import { plainCard } from '../activations/made-networks.js';
import { ORACLE } from '../oracle.js';
import { runVentral } from './run-ventral.js';

let root: string;
const at = (name: string) => join(root, name);
const ventral = (...words: string[]) => runVentral(at('home'), ...words);
const benchmark = join(ORACLE, '09-end-to-end', 'neural-csv', 'benchmark.yaml');

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-crashing-'));
  const input = plainCard({
    resize: { to: 16, mode: 'square', filter: 'bilinear', library: 'pillow' },
    range: 1,
  });
  const card = { ...input, layers: ['z'], region_layer_map: { V4: 'z', IT: 'z' } };
  for (const [name, graph] of Object.entries({ half: halfAttention(), crash: alwaysCrashing() })) {
    writeFileSync(at(`${name}.onnx`), graph.build());
    writeFileSync(at(`${name}.yaml`), JSON.stringify(card));
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const scored = ['--benchmark', benchmark, '--json'];

test('what crashes the runtime at its highest level is scored at the next, and verified', async () => {
  const { status, out, err } = await ventral(
    ...['score', at('half.onnx'), ...scored],
    ...['--receipt', at('receipt.json')],
  );
  expect(err).toBe('');
  expect(status).toBe(0);
  const scores = JSON.parse(out) as Score[];
  expect(scores.map(({ region }) => region)).toEqual(['V4', 'IT']);
  for (const { provenance, value } of scores) {
    expect(provenance.runtime).toMatchObject({ optimization: 'extended' });
    expect(value).toBeTypeOf('number');
  }
  const receipt = JSON.parse(readFileSync(at('receipt.json'), 'utf8'));
  expect(receipt.runs[0].scores).toEqual(scores);
  expect(await ventral('verify', at('receipt.json'))).toMatchObject({ status: 0 });
});

test.each([
  ['score', () => ['score', at('crash.onnx'), ...scored]],
  ['map', () => ['map', at('crash.onnx'), '--benchmark', benchmark, '--layers', 'z']],
  ['layers', () => ['layers', at('crash.onnx')]],
])('%s refuses what crashes it at every level, in one sentence', async (_, words) => {
  const { status, out, err } = await ventral(...words());
  expect(status).toBe(2);
  expect(out).toBe('');
  expect(err.trimEnd().split('\n')).toHaveLength(1);
  expect(err).toContain('crashes ONNX Runtime (SIGFPE) at every level of optimisation');
});
