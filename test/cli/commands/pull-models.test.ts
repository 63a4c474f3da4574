import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runCommandLine } from '../../../src/cli/command-line.js';

const home = mkdtempSync(join(tmpdir(), 'ventral-pull-'));
afterAll(() => rmSync(home, { recursive: true }));

async function run(...words: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const io = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
    interactive: false,
    color: false,
  };
  const argv = ['node', 'ventral', '--home', home, 'models', 'pull', ...words];
  const status = await runCommandLine(argv, io);
  return { out: out.join(''), err: err.join(''), status };
}

test('models pull shows whose a network is, and fetches nothing unless its terms are accepted', async () => {
  const { out, err, status } = await run('squeezenet-1.1');
  expect(out).toBe('');
  expect(err).toContain('licence: MIT (repository), BSD (network)');
  expect(err).toContain('SHA-1 ef70db6889bbaf35e5fdc65c5d5dab7c6843e413, 2484091 bytes');
  expect(err).toMatch(
    /squeezenet-1\.1 was not fetched: its terms were not accepted \(--accept-terms/,
  );
  expect(status).toBe(2);
});

test('models pull refuses what it does not know before it asks for anything', async () => {
  const { err, status } = await run('squeezenet-1.1', 'squeezenet-1.2');
  expect(err).toMatch(
    /^ventral: There is no public model "squeezenet-1\.2".*did you mean "squeezenet-1\.1"/,
  );
  expect(status).toBe(2);
  expect((await run('squeezenet-1.1', '--accept-terms', '--from', 'ftp://x')).err).toContain(
    '--from: expected an http or https address, found "ftp://x"',
  );
});
