import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.js';
import { sha1Of } from '../../src/data/file-sha1.js';
import { findPublicModel } from '../../src/importing/published/public-models.js';
import { type PulledModel, pullModel } from '../../src/importing/published/pull-model.js';
import type { Score } from '../../src/scoring/measure/score.js';
import { UnreliableServer } from '../data/unreliable-server.js';
import { writeWinner } from '../importing/checkpoints/made-winner.js';
import { ORACLE } from '../oracle.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-winner-'));
const benchmark = join(home, 'benchmark.yaml');
let server: UnreliableServer;
let pulled: PulledModel;

async function run(...words: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
    interactive: false,
    color: false,
  };
  process.exitCode = undefined;
  const status = await runCommandLine(['node', 'ventral', '--home', home, ...words], io);
  process.exitCode = undefined;
  return { out: out.join(''), err: err.join(''), status };
}

beforeAll(async () => {
  const file = join(home, 'winner.pth');
  await writeWinner(file, 'efnet_model.');
  server = new UnreliableServer(readFileSync(file));
  const baseUrl = await server.start();
  const entry = { ...findPublicModel('effnetb1-winner-2022'), sha1: await sha1Of(file) };
  pulled = await pullModel(entry, { home, baseUrl, tryImages: false });
  const here = (name: string) => join(ORACLE, '09-end-to-end', 'neural-csv', name);
  writeFileSync(
    benchmark,
    `identifier: walked.{region}-pls
version: 1
regions: [V4, IT]
visual_degrees: 8
stimuli: { csv: ${here('stimuli.csv')}, images: ${here('stimuli.zip')} }
recordings: ${here('recordings.csv')}
neuroids: ${here('neuroids.csv')}
metric: { name: pls, components: 4 }
cross_validation: { stratify_on: object_name }
`,
  );
});
afterAll(async () => {
  await server.stop();
  rmSync(home, { recursive: true });
});

test('a checkpoint under the winner’s names is pulled and loads whole', () => {
  expect(pulled.imported?.keys).toMatchObject({ loaded: 439, total: 439, unexpected: [] });
  expect(pulled.imported?.notes).toContain('names are read without their prefix efnet_model.');
});

// At a third of its side: the steps are what is walked, not the numbers.
const size = ['--input', 'resize=108,crop=96'];

test('is mapped', async () => {
  const layers = 'blocks.3.0,blocks.4.0.conv_pwl,blocks.5.0.conv_pwl';
  const { status, out, err } = await run(
    ...['map', pulled.path, '--benchmark', benchmark, '--layers', layers, ...size],
    ...['--html', join(home, 'map.html'), '--csv'],
  );
  expect(status, err).toBe(0);
  for (const layer of layers.split(',')) expect(out).toContain(layer);
  expect(readFileSync(join(home, 'map.html'), 'utf8')).toContain('blocks.4.0.conv_pwl');
});

test('is scored at the layers that Brain-Score has for it', async () => {
  const { status, out, err } = await run(
    ...['score', pulled.path, '--benchmark', benchmark, ...size, '--json'],
  );
  expect(status, err).toBe(0);
  const scores = JSON.parse(out) as Score[];
  expect(scores.map(({ layer }) => layer)).toEqual(['blocks.4.0.conv_pwl', 'blocks.5.0.conv_pwl']);
  for (const { value } of scores) expect(value).toBeGreaterThan(0);
});

test('is packaged, and the package passes its checks', async () => {
  const archive = join(home, 'winner.zip');
  const packed = await run(
    ...['package', pulled.path, '--format', 'brainscore', '--identifier', 'walked_winner'],
    ...['-o', archive],
  );
  expect(packed.status, packed.err).toBe(0);
  const checked = await run('check-package', archive);
  expect(checked.status, checked.out + checked.err).toBe(0);
});
