import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { packageRoot } from '../src/formats/package-root.js';
import { runtimeIdentity } from '../src/runtime/session.js';

/** Options of every bench whose figures others read: `--save` keeps them under bench/results, `--out` in a file that is named. */
export const resultOptions = {
  save: { type: 'boolean', default: false },
  out: { type: 'string' },
} as const;

/** Writes results where the options say; `name` is that of the file that is kept. */
export function writeResults(
  name: string,
  results: unknown,
  { save, out }: { readonly save?: boolean; readonly out?: string },
): void {
  if (out !== undefined) writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`);
  if (!save) return;
  const file = resultsFile(name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`kept in ${file}`);
}

/** Path of a kept result. */
export const resultsFile = (name: string): string =>
  join(packageRoot, 'bench', 'results', `${name}.json`);

/** What was kept under a name. */
export function keptResults<T>(name: string): T | undefined {
  const file = resultsFile(name);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** The machine and what runs on it, for the name of a file: processor, threads, node and runtime. */
export function machineName(): string {
  const cpu = cpus()[0]
    .model.trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '');
  return [
    `${cpu}-${arch()}-${availableParallelism()}-threads`,
    `node-${process.versions.node}`,
    `ort-${runtimeIdentity().ort}`,
  ].join('_');
}
