import { createHash } from 'node:crypto';
import {
  existsSync,
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
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../../src/formats/package-root.js';
import { hasSimulated, simulatedFiles } from '../../../src/scoring/benchmark/simulated-data.js';

const folder = mkdtempSync(join(tmpdir(), 'ventral-prepared-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = { 'stimuli.csv': 'stimulus_id\na\n', 'stimuli.zip': 'pictures' };

const kept = 'cache/simulated/elsewhere-1-v1';

/** A home with data of a generator that does not exist, so that nothing but a copy can be in another one. */
function prepared(name: string): string {
  const root = join(folder, name);
  const made = join(root, kept);
  mkdirSync(made, { recursive: true });
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  for (const [file, text] of Object.entries(files)) writeFileSync(join(made, file), text);
  const digests = Object.entries(files).map(([file, text]) => [file, digest(text)]);
  writeFileSync(join(made, 'manifest.json'), JSON.stringify(Object.fromEntries(digests)));
  return root;
}

describe('prepared data', () => {
  it('are copied into a home', async () => {
    const home = join(folder, 'home');
    const { stimuli } = await simulatedFiles(home, 'elsewhere', 1, prepared('whole'));
    expect(stimuli.csv).toBe(join(home, kept, 'stimuli.csv'));
    expect(readFileSync(stimuli.csv, 'utf8')).toBe(files['stimuli.csv']);
    expect(readFileSync(stimuli.images, 'utf8')).toBe(files['stimuli.zip']);
    expect(hasSimulated(home, 'elsewhere', 1)).toBe(true);
    expect(readdirSync(join(home, 'cache/simulated'))).toEqual(['elsewhere-1-v1']);
  });

  it('of the build are there for whoever runs it', () => {
    const made = join(packageRoot, 'dist', 'prepared', 'cache', 'simulated');
    const names = readdirSync(made).filter((name) => name.includes('-2026-'));
    const modes = names.map((name) => statSync(join(made, name)).mode & 0o777);
    expect(modes.length).toBeGreaterThanOrEqual(3);
    expect(new Set(modes)).toEqual(new Set([0o755]));
  });

  it('that a home has lost a bit of are copied again', async () => {
    const home = join(folder, 'healed');
    const from = prepared('again');
    const { stimuli } = await simulatedFiles(home, 'elsewhere', 1, from);
    writeFileSync(stimuli.images, 'Pictures');
    await simulatedFiles(home, 'elsewhere', 1, from);
    expect(readFileSync(stimuli.images, 'utf8')).toBe(files['stimuli.zip']);
  });

  it('that are damaged are not used', async () => {
    const home = join(folder, 'none');
    const from = prepared('damaged');
    writeFileSync(join(from, kept, 'stimuli.zip'), 'Pictures');
    await expect(simulatedFiles(home, 'elsewhere', 1, from)).rejects.toThrow(/no generator/);
    expect(existsSync(join(home, 'cache'))).toBe(false);
  });
});
