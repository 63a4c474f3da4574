import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createBrotliDecompress } from 'node:zlib';
import { packageRoot } from '../../src/formats/package-root.js';

const fixtures = join(packageRoot, 'test', 'fixtures', 'homes');

/** Unpacks a home that an earlier ventral wrote, into a temporary folder. */
export async function unpackedHome(name: string): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'ventral-old-'));
  const tar = spawn('tar', ['-xf', '-', '-C', home], { stdio: ['pipe', 'ignore', 'inherit'] });
  const ended = once(tar, 'close');
  const large = { params: { [constants.BROTLI_DECODER_PARAM_LARGE_WINDOW]: 1 } };
  const source = createReadStream(join(fixtures, `${name}.tar.br`));
  await pipeline(source, createBrotliDecompress(large), tar.stdin);
  const [status] = await ended;
  if (status !== 0) throw new Error(`tar ended with ${status}`);
  return home;
}

/** What that ventral answered over HTTP before it was stopped. */
export const answersOf = (name: string) =>
  JSON.parse(readFileSync(join(fixtures, `${name}.json`), 'utf8'));
