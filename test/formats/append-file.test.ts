import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAppendFile, wholeLines } from '../../src/formats/append-file.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ventral-append-'));
});
afterAll(() => rm(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

test('goes on after the last whole line', async () => {
  await writeFile(at('torn'), 'one\ntwo\nthr');
  const file = await openAppendFile(at('torn'), wholeLines);
  expect(file.content.toString()).toBe('one\ntwo\n');
  await file.append('three\n');
  await file.append(Buffer.from('four\n'));
  await file.close();
  expect(await readFile(at('torn'), 'utf8')).toBe('one\ntwo\nthree\nfour\n');
});

test('makes a file that is missing', async () => {
  const file = await openAppendFile(at('new'), wholeLines);
  await file.append('one\n');
  await file.close();
  expect(await readFile(at('new'), 'utf8')).toBe('one\n');
});

test('refuses what is no file, without waiting for it', async () => {
  execFileSync('mkfifo', [at('pipe')]);
  for (const [name, code] of [
    ['pipe', 'bad-usage'],
    ['.', 'bad-usage'],
    ['nowhere/file', 'file-missing'],
  ])
    await expect(openAppendFile(at(name), wholeLines)).rejects.toMatchObject({ code });
});
