import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { packageRoot } from '../../src/formats/package-root.js';

const script = (name: string) => join(packageRoot, 'test', 'service', name);

/** What confines a child, and what a hijacked one came to. */
export interface Hijacked {
  readonly layers: {
    readonly root: boolean;
    readonly network: boolean;
    readonly user: number | null;
    readonly setpriv: boolean;
    readonly landlock: boolean;
    readonly filter: boolean;
  };
  readonly given: string;
  readonly hidden: readonly string[];
  readonly survives: boolean;
  readonly stays: boolean;
  readonly seen: {
    readonly read: Readonly<Record<string, number | string>>;
    readonly copied: Readonly<Record<string, number>>;
    readonly written: Readonly<Record<string, string>>;
    readonly entered: number;
    readonly unshared: number;
    readonly mounted: number;
    readonly root: number;
    readonly unix: string;
    readonly others: number;
  };
}

/**
 * Runs a service's stand-in whose child is hijacked.
 * @param home folder that it may fill
 * @param words that it is run by, such as `setpriv`'s
 */
export async function hijacked(
  home: string,
  words: readonly string[] = [],
  path?: string,
): Promise<Hijacked> {
  const all = [...words, process.execPath, script('hijack.mjs'), home, script('probe-child.mjs')];
  const env = path === undefined ? process.env : { ...process.env, PATH: path };
  const { stdout } = await promisify(execFile)(all[0], all.slice(1), { env });
  return JSON.parse(stdout) as Hijacked;
}

/** That it could do what its confinement does not keep from it, and nothing else. */
export function expectConfined({ layers, seen, given, survives, stays }: Hijacked): void {
  const { root, landlock, filter, setpriv } = layers;
  expect(seen.read[given]).toBe(6);
  expect(seen.copied[given]).toBe(0);
  if (root || landlock) {
    for (const [path, found] of Object.entries(seen.read))
      if (path !== given) expect(found, path).toMatch(/^E/);
    for (const [path, status] of Object.entries(seen.copied))
      if (path !== given) expect(status, path).not.toBe(0);
    for (const [path, found] of Object.entries(seen.written)) expect(found, path).toMatch(/^E/);
  }
  if (root) {
    expect({ survives, stays }).toEqual({ survives: true, stays: false });
    expect(seen.others).toBeLessThanOrEqual(2);
  }
  if (setpriv) for (const status of [seen.entered, seen.mounted]) expect(status).not.toBe(0);
  if (setpriv && (root || landlock)) expect(seen.root).not.toBe(0);
  if (filter) expect(seen.unshared).not.toBe(0);
  if (root || filter) expect(seen.unix).not.toBe('made');
}
