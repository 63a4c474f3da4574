import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommandLine } from '../../../src/cli/command-line.js';
import { objects } from '../../scoring/made-series.js';
import { madeTorch } from './made-runs.js';

const root = mkdtempSync(join(tmpdir(), 'ventral-watch-usage-'));
const runs = join(root, 'runs');
beforeAll(() => {
  mkdirSync(runs);
  writeFileSync(join(runs, 'step-1.pt'), madeTorch(0.1));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function watch(...words: string[]): Promise<string> {
  let err = '';
  const io = {
    out: () => {},
    err: (text: string) => {
      err += text;
    },
    interactive: false,
    color: false,
  };
  const line = ['node', 'ventral', '--home', join(root, 'home'), 'watch', ...words];
  return `${await runCommandLine(line, io)} ${err}`;
}

const V1 = ['-b', 'Simulated.V1-pls'];

test.each<[string[], RegExp]>([
  [[], /^2 ventral: watch: give --benchmark or --region/],
  [['-b', 'Simulated.V1-pl'], /^2 ventral: .*Simulated\.V1-pls/],
  [['-r', 'V3'], /^2 ventral: watch: --region: expected V1, /],
  [[...V1, '--arch', 'resnet-50'], /^2 ventral: watch: weights do not say .* give --card FILE/],
  [[...V1, '--arch', 'resnet-5'], /^2 ventral: .*resnet-50/],
  [[...V1, '--arch', 'resnet-50', '--graph', 'g.onnx'], /^2 ventral: watch: give either/],
  [[...V1, '--graph', 'nowhere.onnx'], /^2 ventral: nowhere\.onnx does not exist/],
  [[...V1, '--card', 'nowhere.yaml'], /^2 ventral: nowhere\.yaml does not exist/],
  [[...V1, '--interval', '0'], /^2 ventral: watch --interval: expected seconds from 0\.1/],
  [[...V1, '--layers', 'conv*'], /^2 ventral: watch: --layers .* give --map/],
  [[...V1, '--prefix', 'a.'], /^2 ventral: watch: --prefix is for weights/],
  [[...V1, '--local', '--to', 'home'], /^2 ventral: watch: --local and --to exclude/],
  [[...V1, '--to', 'home'], /^1 .*No service runs in the home/s],
  [['-r', 'V1', '--to', 'http://127.0.0.1:9'], /^2 ventral: watch: --region depends on the data/],
  [[...V1, '--jsonl', join(root, 'none', 'a.jsonl')], /^2 ventral: --jsonl .* there is no folder/],
])('%j is refused before the first checkpoint', async (words, reason) => {
  expect(await watch(runs, ...words)).toMatch(reason);
});

test('what is no folder is refused', async () => {
  expect(await watch(join(runs, 'step-1.pt'), ...V1)).toMatch(/^2 ventral: .* is no folder/);
});

test('weights without a network are left out, and that is said', async () => {
  const words = ['-b', objects, '--once', '--interval', '0.1', '--local'];
  const said = await watch(runs, ...words);
  expect(said).toMatch(/^0 Scoring here; 0 results so far in /);
  expect(said).toMatch(/weights such as step-1\.pt are left out: give --arch or --graph/);
  expect(said).toMatch(/^0 scored, 0 failed, 0 not complete$/m);
});
