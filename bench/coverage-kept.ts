import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Chunk } from './coverage-counts.js';

/** Where a chunk of experiments lies among the others of a folder. */
export const chunkFile = (
  folder: string,
  { setting, varied, chunk }: Pick<Chunk, 'setting' | 'varied' | 'chunk'>,
): string => join(folder, `${setting}_${varied}_${chunk}.json`);

/** Brings the chunks of an archive into a folder that lacks them, so that a run goes on where another computer ended. */
export function bringChunks(archive: string, folder: string): void {
  if (!existsSync(archive)) return;
  for (const chunk of JSON.parse(gunzipSync(readFileSync(archive)).toString()) as Chunk[]) {
    const file = chunkFile(folder, chunk);
    if (!existsSync(file)) writeFileSync(file, JSON.stringify(chunk));
  }
}

/** The chunks of a folder. */
export const chunksIn = (folder: string): Chunk[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as Chunk);

/** Keeps chunks in an archive, numbers to nine digits: none of the shares needs more. */
export function keepChunks(archive: string, chunks: readonly Chunk[]): void {
  const rounded = (_key: string, value: unknown) =>
    typeof value === 'number' ? Number(value.toPrecision(9)) : value;
  writeFileSync(archive, gzipSync(JSON.stringify(chunks, rounded), { level: 9 }));
}
