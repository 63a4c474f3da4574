import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder that holds package.json, `benchmarks/` and `models/`, whether run from `src` or `dist`. */
export const packageRoot: string = (() => {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'openapi.yaml')) || existsSync(join(folder, 'package-lock.json')))
      return folder;
    if (dirname(folder) === folder) throw new Error('ventral is not installed as a package');
  }
})();

/** The version of this package. */
export const packageVersion: string = JSON.parse(
  readFileSync(join(packageRoot, 'package.json'), 'utf8'),
).version;

/** A script that the build made for a process or thread of its own, by its path in `src`, such as `formats/netcdf-worker.js`. */
export const programFile = (path: string): string => join(packageRoot, 'dist', 'program', path);
