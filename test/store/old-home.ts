import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, constants } from 'node:zlib';
import { packageRoot } from '../../src/formats/package-root.js';

const fixtures = join(packageRoot, 'test', 'fixtures', 'homes');

/** Unpacks a home that an earlier ventral wrote, into a temporary folder. */
export async function unpackedHome(name: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'ventral-old-'));
  const packed = readFileSync(join(fixtures, `${name}.tar.br`));
  const large = { params: { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 } };
  // In one piece: tar closes its input at the end of the archive, which may come before that of a stream.
  execFileSync('tar', ['-xf', '-', '-C', home], { input: brotliDecompressSync(packed, large) });
  return home;
}

/** What that ventral answered over HTTP before it was stopped. */
export const answersOf = (name: string) =>
  JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8'));
