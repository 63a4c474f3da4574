import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.js';
import { madeNetwork } from '../activations/made-networks.js';
import { madeExternal } from '../onnx/made-external.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-external-cli-'));
const at = (name: string) => join(home, name);
beforeAll(async () => {
  const whole = madeNetwork({ side: 32 }).build();
  const { model, data } = madeExternal(whole, 'weights/net.onnx_data');
  mkdirSync(at('weights'));
  mkdirSync(at('images'));
  writeFileSync(at('whole.onnx'), whole);
  writeFileSync(at('apart.onnx'), model);
  writeFileSync(at('weights/net.onnx_data'), data);
  const pixels = { width: 40, height: 40, channels: 3 as const, background: '#937' };
  await sharp({ create: pixels }).png().toFile(at('images/1.png'));
  const input = { resize: { to: 32, mode: 'square', filter: 'bilinear', library: 'pillow' } };
  const card = {
    input: { ...input, range: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    visual_degrees: 8,
  };
  writeFileSync(at('card.json'), JSON.stringify(card));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function run(...words: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
    interactive: false,
    color: false,
  };
  const status = await runCommandLine(['node', 'ventral', '--home', at('home'), ...words], io);
  return { out: out.join(''), err: err.join(''), status };
}

test.each<[string, string[], string[]]>([
  ['layers', [], []],
  ['card init', [], []],
  [
    'activations',
    ['-l', 'relu', '--card', at('card.json'), '--stimuli', at('images'), '--degrees', '8', '-o'],
    [at('%.npz')],
  ],
  ['average', [at('whole.onnx'), '-o'], [at('%-average.onnx')]],
])(
  'ventral %s takes a model with external data as it takes one file',
  async (command, before, after) => {
    const [one, apart] = [await of('whole'), await of('apart')];
    expect(one.err).toBe(apart.err.replaceAll('apart', 'whole'));
    expect(one.status, one.err).toBe(0);
    expect(apart.out.replaceAll('apart', 'whole')).toBe(one.out);

    async function of(name: string) {
      const output = after.map((path) => path.replace('%', name));
      const ran = await run(...command.split(' '), at(`${name}.onnx`), ...before, ...output);
      for (const path of output) expect(existsSync(path), ran.err).toBe(true);
      return { ...ran, err: ran.err.replaceAll(/^.*seconds.*\n/gm, '') };
    }
  },
);

test('and says what is wrong with the data', async () => {
  rmSync(at('weights'), { recursive: true });
  const { err, status } = await run('layers', at('apart.onnx'));
  expect(status).toBe(2);
  expect(err).toMatch(
    /^ventral: apart\.onnx: external data of tensor conv\.weight should be a file in/,
  );
});
