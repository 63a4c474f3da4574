import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bundled, isAllowed, shipped } from '../scripts/licences.mjs';
import { packageRoot } from '../src/formats/package-root.js';

const read = (path: string) => readFile(join(packageRoot, path), 'utf8');

it('every direct dependency has a line in docs/dependencies.md, with its licence and a reason', async () => {
  const { dependencies } = JSON.parse(await read('package.json'));
  const rows = [
    ...(await read('docs/dependencies.md')).matchAll(/^\| `(.+?)` \| (.+?) \| (.+) \|$/gm),
  ];
  const told = new Map(rows.map(([, name, licence]) => [name, licence]));
  expect([...told.keys()].toSorted()).toEqual(
    [...Object.keys(dependencies), ...bundled].toSorted(),
  );
  const licences = new Map(shipped().map(({ name, licence }) => [name, licence]));
  for (const [name, licence] of told) expect([name, licence]).toEqual([name, licences.get(name)]);
  expect(rows.every(([, , , reason]) => reason.length > 3)).toBe(true);
});

it('everything that is shipped has a licence that was looked at', () => {
  const all = shipped();
  expect(all.length).toBeGreaterThan(200);
  expect(all.filter(({ licence }) => !isAllowed(licence))).toEqual([]);
  for (const licence of [undefined, 'GPL-3.0-only', 'MIT AND AGPL-3.0-only', 'UNLICENSED'])
    expect(isAllowed(licence)).toBe(false);
});

it('nothing runs at installation, and neither core-js nor what reports installations is there', async () => {
  const all = shipped();
  expect(all.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name)).toEqual([
    'onnxruntime-node',
  ]);
  expect(await read('.npmrc')).toMatch(/^ignore-scripts=true$/m);
  const { allowScripts } = JSON.parse(await read('package.json'));
  expect(Object.values(allowScripts)).not.toContain(true);
  expect(all.find(({ name }) => name === 'core-js')).toBeUndefined();
  expect(all.find(({ name }) => name === '@scarf/scarf')).toMatchObject({ version: '0.0.0' });
  const { packages } = JSON.parse(await read('package-lock.json'));
  expect(packages['vendor/tfjs']).toMatchObject({ name: '@tensorflow/tfjs', version: '0.0.0' });
  expect(Object.keys(packages).filter((place) => /core-js|tfjs-backend-webgl/.test(place))).toEqual(
    [],
  );
});

it('the lock names no registry and has a hash of every archive', async () => {
  const { packages } = JSON.parse(await read('package-lock.json')) as {
    packages: Record<string, { resolved?: string; integrity?: string; link?: boolean }>;
  };
  for (const [place, { resolved, integrity, link }] of Object.entries(packages)) {
    expect([place, resolved ?? '']).not.toEqual([place, expect.stringMatching(/^[a-z+]+:\/\//)]);
    if (place.includes('node_modules/') && !link)
      expect([place, integrity]).toEqual([place, expect.stringMatching(/^sha512-/)]);
  }
});
