import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openModelFile } from '../../src/activations/model-file.js';
import { asOneFile } from '../../src/activations/one-file.js';
import { externalFiles } from '../../src/onnx/external-data.js';
import { readModel } from '../../src/onnx/model.js';
import { madeExternal } from '../onnx/made-external.js';
import { madeNetwork } from './made-networks.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ventral-one-file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);

test('a model with external data is worked on as one file of its digest, which is gone afterwards', async () => {
  const { model, data } = madeExternal(madeNetwork().build(), 'net.onnx_data');
  writeFileSync(at('net.onnx'), model);
  writeFileSync(at('net.onnx_data'), data);
  let packed = '';
  await asOneFile(at('net.onnx'), at('home'), async (path) => {
    packed = path;
    expect(basename(path)).toBe('net.onnx');
    expect(externalFiles(readModel(readFileSync(path), 'packed'))).toEqual([]);
    const digests = [path, at('net.onnx')].map(async (file) => (await openModelFile(file)).digest);
    expect((await digests[0]) === (await digests[1])).toBe(true);
  });
  expect(existsSync(packed)).toBe(false);
  const failed = asOneFile(at('net.onnx'), at('home'), () => Promise.reject(new Error('full')));
  await expect(failed).rejects.toThrow('full');
  expect(readdirSync(at('home/tmp'))).toEqual([]);
});

test('any other file is worked on where it is', async () => {
  writeFileSync(at('net.onnx'), madeNetwork().build());
  writeFileSync(at('none.onnx'), 'hello');
  const where = async (name: string) => asOneFile(at(name), at('home'), async (path) => path);
  expect(await where('net.onnx')).toBe(at('net.onnx'));
  expect(await where('none.onnx')).toBe(at('none.onnx'));
});

test('an address of the hub is no file, and the command that brings it is named', async () => {
  await expect(openModelFile('hf:owner/net')).rejects.toThrow(
    /`ventral pull hf:owner\/net` brings it/,
  );
});

test('a file larger than any model is refused before it is read', async () => {
  writeFileSync(at('net.onnx'), '');
  await truncate(at('net.onnx'), 2 ** 31);
  await expect(openModelFile(at('net.onnx'))).rejects.toMatchObject({
    code: 'onnx-invalid',
    message: expect.stringMatching(
      /has 2147483648 bytes, and the runtime takes a model of at most/,
    ),
  });
});
