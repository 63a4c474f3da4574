import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { providerStates } from '../../src/runtime/installed-providers.js';
import type { Score } from '../../src/scoring/measure/score.js';
import { runVentral } from '../cli/run-ventral.js';
import { ORACLE } from '../oracle.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-providers-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const ready = providerStates().flatMap(({ provider, state }) =>
  provider !== 'cpu' && state === 'ready' ? [provider] : [],
);
const source = join(ORACLE, '09-end-to-end');
const words = [
  ...['score', join(source, 'resnet', 'model.onnx'), '--card', join(source, 'resnet', 'card.yaml')],
  ...['-b', join(source, 'neural-csv', 'benchmark.yaml')],
];
const run = async (...more: string[]) => {
  const { status, out, err } = await runVentral(home, ...words, '--json', ...more);
  expect(status, err).toBe(0);
  return JSON.parse(out)[0] as Score;
};

test('what this machine has is said by doctor', async () => {
  const { out } = await runVentral(home, 'doctor', '--json');
  const { findings } = JSON.parse(out) as { findings: { check: string; detail: string }[] };
  const found = findings.filter(({ check }) => check === 'providers');
  expect(found).toHaveLength(5);
  for (const provider of ready)
    expect(found.some(({ detail }) => detail.startsWith(`${provider}: `))).toBe(true);
});

// Where there is none, doctor and test/activations/provider say what happens.
describe.skipIf(ready.length === 0).each(ready)('on %s', (provider) => {
  test("a score is close to the CPU's, has other inputs and takes nothing from its cache", async () => {
    const cpu = await run();
    const receipt = join(home, `${provider}.json`);
    const other = await run('--provider', provider, '--receipt', receipt);
    expect(other.provenance.runtime).toMatchObject({ provider, precision: expect.any(String) });
    expect(other.provenance.inputs).not.toBe(cpu.provenance.inputs);
    expect(Math.abs((other.value as number) - (cpu.value as number))).toBeLessThan(1e-3);
    expect(other.warnings.map(({ code }) => code)).toContain('provider-other');

    const verify = (...more: string[]) => runVentral(home, 'verify', receipt, ...more);
    expect((await verify()).out).toMatch(/^equal /);
    const across = await verify('--provider', 'cpu');
    expect(across.err).toContain(`provider ${provider}, here cpu`);
    expect(JSON.parse(readFileSync(receipt, 'utf8')).runtime.provider).toBe(provider);
  });
});
