// The packages that ventral ships, with their licences: node scripts/licences.mjs
// Ends with 1 if one has a licence that nobody has looked at.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

/** Licences under which code may be shipped beside code under Apache-2.0. */
const allowed = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  // A font, shipped as it is.
  'OFL-1.1',
  'Python-2.0',
  'Unlicense',
  // libvips, a library of its own that sharp loads.
  'LGPL-3.0-or-later',
]);

/** What the file of a package says where its package.json does not. */
const reviewed = {
  h5wasm: 'NIST (public domain) AND BSD-3-Clause (HDF5)',
  busboy: 'MIT',
  'png-js': 'MIT',
  streamsearch: 'MIT',
};

/** Development dependencies that Vite bundles into the browser application. */
export const bundled = [
  'eventsource-parser',
  'openapi-fetch',
  'preact',
  'preact-iso',
  'swagger-ui-dist',
];

const lock = read('package-lock.json').packages;

/** Where `name` is found from a package, as Node does. */
function placeOf(name, from) {
  for (let at = from; ; at = at.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    const place = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (lock[place]) return place;
    if (at === '') return undefined;
  }
}

/** Adds a package with all that it needs. */
function addWithNeeds(place, found) {
  if (place === undefined || found.has(place)) return;
  found.add(place);
  const { dependencies = {}, optionalDependencies = {} } = lock[place];
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies }))
    addWithNeeds(placeOf(name, place), found);
}

function licenceOf(place) {
  const name = place.replace(/^.*node_modules\//, '');
  const installed = join(place, 'package.json');
  const entry = lock[place].link ? lock[lock[place].resolved] : lock[place];
  const own =
    entry.license ?? (existsSync(join(root, installed)) ? read(installed).license : undefined);
  if (own && !/^SEE LICENSE/i.test(own)) return own;
  return reviewed[name];
}

/** Every package that ventral ships: name, version, licence (undefined if nobody has looked), scripts. */
export function shipped() {
  const found = new Set(
    Object.keys(lock).filter((place) => place.includes('node_modules/') && !lock[place].dev),
  );
  for (const name of bundled) addWithNeeds(placeOf(name, ''), found);
  return [...found].sort().map((place) => ({
    name: place.replace(/^.*node_modules\//, ''),
    version: (lock[place].link ? lock[lock[place].resolved] : lock[place]).version,
    licence: licenceOf(place),
    hasInstallScript: lock[place].hasInstallScript === true,
  }));
}

/** Whether all parts of an SPDX expression, or one of its choices, may be shipped. */
export function isAllowed(licence) {
  if (licence === undefined) return false;
  if (Object.values(reviewed).includes(licence)) return true;
  const choices = licence.replace(/^\((.*)\)$/, '$1').split(' OR ');
  return choices.some((choice) => choice.split(' AND ').every((part) => allowed.has(part)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { name, version, licence } of shipped()) {
    const ok = isAllowed(licence);
    if (!ok) process.exitCode = 1;
    process.stdout.write(`${ok ? ' ' : '!'} ${name} ${version}  ${licence ?? 'no licence'}\n`);
  }
}
