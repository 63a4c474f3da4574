import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.js';

let root: string;
const at = (...names: string[]) => join(root, ...names);

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ventral-places-'));
  mkdirSync(at('folder'));
  writeFileSync(at('file'), 'mine');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Runs a command on a model that does not exist: whoever looks at the places first never finds that out. */
async function refused(...words: string[]): Promise<string> {
  let err = '';
  const io = {
    out: () => {},
    err: (text: string) => {
      err += text;
    },
    interactive: false,
    color: false,
  };
  const argv = ['node', 'ventral', ...words, '--home', at('home')];
  expect(await runCommandLine(argv, io)).toBe(err.includes('can be written') ? 1 : 2);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
  return err;
}

const score = ['score', 'none.onnx', '-b', 'Simulated.V1-pls'];
const map = ['map', 'none.onnx', '-r', 'V1'];
const compare = ['compare', 'none.onnx', 'other.onnx', '-r', 'V1'];
const activations = ['activations', 'none.onnx', '-l', 'a', '-b', 'Simulated.V1-pls'];

describe('before any work, a command refuses to write', () => {
  test.each([
    ['a receipt', score, '--receipt', 'r.json'],
    ['a page of a map', map, '--html', 'm.html'],
    ['a map as JSON', map, '--region-layer-map', 'm.json'],
    ['a receipt of a map', map, '--receipt', 'm.json'],
    ['a page of a comparison', compare, '--html', 'c.html'],
    ['activations', activations, '--output', 'a.npz'],
    ['a converted network', ['import', 'none.pth'], '--output', 'n.onnx'],
    ['a mean', ['average', 'a.onnx', 'b.onnx'], '--output', 'n.onnx'],
    ['a package', ['package', 'none.onnx', '--format', 'brainscore'], '--output', 'p.zip'],
    ['a preview', ['train', 'none.yaml'], '--preview', 'p.png'],
    ['an image', ['card', 'check', 'c.yaml', '--image', 'i.png'], '--out', 'o.png'],
  ])('%s in a folder that is missing, or over a folder', async (_, words, option, name) => {
    const missing = at('no', name);
    expect(await refused(...words, option, missing)).toBe(
      `ventral: ${option} ${missing}: there is no folder ${at('no')}\n`,
    );
    const said = await refused(...words, option, at('folder'));
    expect(said).toBe(`ventral: ${option} ${at('folder')}: this is a folder, expected a file\n`);
  });

  test.each([
    ['train', 'none.yaml'],
    ['ablate', 'none.yaml'],
  ])('the folder of %s where a file is in the way', async (...words) => {
    const place = at('file', 'run');
    expect(await refused(...words, '--output', place)).toBe(
      `ventral: --output ${place}: ${at('file')} is a file, expected a folder\n`,
    );
  });

  test('where the system lets no file be made', async () => {
    const said = await refused(...map, '--html', '/proc/m.html');
    expect(said).toBe('ventral: --html /proc/m.html: no file can be written in /proc\n');
  });

  test('over a device, which would be replaced by a file', async () => {
    expect(await refused(...map, '--html', '/dev/null')).toContain('not a regular file');
  });

  test('two results to one file, or over a file that it reads', async () => {
    const [file, same] = [at('out.html'), join(root, 'folder', '..', 'out.html')];
    const twice = await refused(...map, '--html', file, '--region-layer-map', same);
    expect(twice).toBe(`ventral: --region-layer-map ${same}: --html names the same file\n`);
    const over = await refused('map', at('file'), '-r', 'V1', '--html', at('file'));
    expect(over).toBe(`ventral: --html ${at('file')}: the command reads this file\n`);
    expect(await refused(...map, '--card', at('file'), '--html', at('file'))).toContain('reads');
  });

  test('and leaves nothing behind', () => {
    expect(
      readdirSync(root)
        .filter((name) => name !== 'home')
        .sort(),
    ).toEqual(['file', 'folder']);
    expect(readdirSync(at('folder'))).toEqual([]);
    expect(readFileSync(at('file'), 'utf8')).toBe('mine');
  });
});
