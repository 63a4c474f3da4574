import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openNetwork } from '../../../src/activations/open-network.js';
import { withExecution } from '../../../src/activations/provider/choose-provider.js';
import { providerStates } from '../../../src/runtime/installed-providers.js';
import type { Execution } from '../../../src/runtime/provider.js';
import { scoreInputs } from '../../../src/scoring/measure/score-inputs.js';
import { scoreModel } from '../../../src/scoring/model/score-model.js';
import { expectedScores } from '../../../src/scoring/receipt/expected-scores.js';
import { verifyReceipt } from '../../../src/scoring/receipt/verify-receipt.js';
import { writeReceipt } from '../../../src/scoring/receipt/write-receipt.js';
import { loadBenchmarks } from '../../../src/scoring/registry/load-benchmark.js';
import { ORACLE } from '../../oracle.js';

/** CoreML is never on the machines that run these tests, and always on some other. */
const coreml: Execution = {
  provider: 'coreml',
  device: 'Apple M2 (darwin)',
  precision: 'unspecified',
};
const source = join(ORACLE, '09-end-to-end');
let root: string;
let context: { home: string; threads: number; maxMemory: number; maxScratch: number };
let request: { model: { path: string }; benchmarks: string[] };
let receipt: string;

/** A receipt as a machine with CoreML would write it, whose numbers are those of the CPU plus an offset. */
async function receiptOf(offset: number): Promise<string> {
  const { scores } = await scoreModel(request, context);
  const network = withExecution(await openNetwork(request.model, {}), coreml);
  const { loaded, close } = await loadBenchmarks(request.benchmarks, context, (_, error) => {
    throw error;
  });
  const elsewhere = await Promise.all(
    scores.map(async (score, i) => {
      const { digest } = await scoreInputs(network, loaded[i], [score.layer]);
      expect(digest).not.toBe(score.provenance.inputs);
      const runtime = { ...score.provenance.runtime, ...coreml };
      const warnings = [
        ...score.warnings,
        { code: 'provider-other', detail: 'computed on coreml' },
      ];
      const value = (score.value as number) + offset;
      return {
        ...score,
        value,
        warnings,
        provenance: { ...score.provenance, inputs: digest, runtime },
      };
    }),
  );
  await close();
  await writeReceipt(receipt, [{ kind: 'score', request, scores: elsewhere }], context);
  return receipt;
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-receipt-provider-'));
  context = { home: join(root, 'home'), threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
  cpSync(join(source, 'resnet', 'model.onnx'), join(root, 'model.onnx'));
  cpSync(join(source, 'resnet', 'card.yaml'), join(root, 'model.yaml'));
  cpSync(join(source, 'neural-csv'), join(root, 'data'), { recursive: true });
  request = {
    model: { path: join(root, 'model.onnx') },
    benchmarks: [join(root, 'data', 'benchmark.yaml')],
  };
  receipt = join(root, 'receipt.json');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a receipt says on what the network ran, and the inputs that belong to it', async () => {
  const { runtime, runs } = JSON.parse(readFileSync(await receiptOf(0), 'utf8'));
  expect(runtime).toMatchObject(coreml);
  const expected = await expectedScores(request, { home: context.home, execution: coreml });
  expect(expected.map((each) => ('inputs' in each ? each.inputs : each.error.message))).toEqual(
    runs[0].scores.map((score: { provenance: { inputs: string } }) => score.provenance.inputs),
  );
});

test('a receipt of the CPU has no field more than before there were providers', async () => {
  const { scores } = await scoreModel(request, context);
  await writeReceipt(receipt, [{ kind: 'score', request, scores }], context);
  const { runtime, runs } = JSON.parse(readFileSync(receipt, 'utf8'));
  const keys = ['ort', 'provider', 'threads', 'node', 'platform', 'processor'];
  expect(Object.keys(runtime)).toEqual(keys);
  expect(Object.keys(runs[0].scores[0].provenance.runtime)).toEqual(keys.slice(0, 3));
  const codes = runs[0].scores[0].warnings.map(({ code }: { code: string }) => code);
  expect(codes).not.toContain('provider-other');
  expect(await verifyReceipt(receipt, [], context)).toMatchObject({
    verdict: 'equal',
    runtime: [],
  });
});

test.skipIf(
  providerStates().some(({ provider, state }) => provider === 'coreml' && state === 'ready'),
)('verifying on a machine without the provider says what to do', async () => {
  await expect(verifyReceipt(await receiptOf(0), [], context)).rejects.toMatchObject({
    code: 'provider-unavailable',
    message: expect.stringMatching(
      /^The provider coreml cannot be used here: .*; this machine has cpu.*; to compare the receipt with another one: --provider cpu$/,
    ),
  });
});

test('verifying on another provider reports the difference', async () => {
  const near = await verifyReceipt(await receiptOf(1e-7), [], { ...context, provider: 'cpu' });
  expect(near).toMatchObject({ verdict: 'close', inputs: [], values: [] });
  expect(near.runtime.map(({ field }) => field)).toEqual(['provider', 'device', 'precision']);
  expect(near.largest).toBeCloseTo(1e-7, 12);

  const far = await verifyReceipt(await receiptOf(1e-3), [], { ...context, provider: 'cpu' });
  expect(far.verdict).toBe('differs');
  expect(new Set(far.values.map(({ field }) => field))).toEqual(new Set(['value']));
  expect(far.largest).toBeCloseTo(1e-3, 12);
});

test('a forged provider does not let a receipt of the CPU differ in its inputs', async () => {
  const { scores } = await scoreModel(request, context);
  await writeReceipt(receipt, [{ kind: 'score', request, scores }], context);
  const text = readFileSync(receipt, 'utf8');
  writeFileSync(receipt, text.replaceAll(scores[0].provenance.inputs, `sha256:${'0'.repeat(64)}`));
  expect(await verifyReceipt(receipt, [], context)).toMatchObject({ verdict: 'differs' });
});
