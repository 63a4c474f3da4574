import { readFile, writeFile } from 'node:fs/promises';

/** Flips one bit of a file in place; `at` and `bit` choose which. */
export async function flip(path: string, at = 0.5, bit = 0): Promise<void> {
  const bytes = await readFile(path);
  bytes[Math.min(bytes.length - 1, Math.floor(at * bytes.length))] ^= 1 << bit;
  await writeFile(path, bytes);
}
