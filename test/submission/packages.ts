import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  type BuiltPackage,
  buildPackage,
  type PackageRequest,
} from '../../src/submission/build-package.js';

/** Puts the files of a package into a folder, as unpacking its archive would. */
export function layOut({ files }: BuiltPackage, folder: string): void {
  for (const { name, data } of files) {
    const path = join(folder, name);
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(path, data);
  }
}

/** A package of a model, laid out; the folder of its plugin or of its `models`. */
export async function laidOut(request: PackageRequest, folder: string): Promise<string> {
  const built = await buildPackage(request);
  layOut(built, folder);
  const { identifier } = built;
  return request.format === 'brainscore'
    ? join(folder, identifier, 'models', identifier)
    : join(folder, identifier, 'models');
}

/** Text of a file of a package. */
export function textIn({ files }: BuiltPackage, end: string): string {
  const file = files.find(({ name }) => name.endsWith(end));
  if (!file) throw new Error(`the package has no ${end}`);
  return Buffer.from(file.data).toString();
}
