import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Span, trace } from '@opentelemetry/api';
import { afterAll, expect, test } from 'vitest';
import { scoreModel } from '../../src/scoring/model/score-model.js';
import { ORACLE } from '../oracle.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-traced-'));
const spans: string[] = [];
const span = { end() {}, recordException() {}, setStatus() {} } as unknown as Span;
trace.setGlobalTracerProvider({
  getTracer: () => ({
    startSpan: () => span,
    startActiveSpan(name: string, ...rest: unknown[]) {
      spans.push(name);
      return (rest.at(-1) as (span: Span) => never)(span);
    },
  }),
});
afterAll(() => {
  trace.disable();
  rmSync(home, { recursive: true, force: true });
});

test('a score is a span, and so is each room that it goes through', async () => {
  const at = (...parts: string[]) => join(ORACLE, '09-end-to-end', ...parts);
  const model = { path: at('resnet', 'model.onnx'), file: at('resnet', 'card.yaml') };
  const context = { home, threads: 1, maxMemory: 2 ** 30, maxScratch: 2 ** 30 };
  await scoreModel({ model, benchmarks: [at('neural-csv', 'benchmark.yaml')] }, context);
  expect(spans[0]).toBe('ventral.score');
  for (const room of ['data', 'activations', 'metric']) expect(spans).toContain(`ventral.${room}`);
});
