import { rename, rm, stat } from 'node:fs/promises';
import { VentralError } from '../errors/ventral-error.js';
import { temporaryName, writeFileAtomic } from '../formats/write-file-atomic.js';
import { writeZip } from '../formats/zip.js';
import { type BuiltPackage, buildPackage, type PackageRequest } from './build-package.js';
import { SITE_LIMIT } from './site-limits.js';

/** A package that was written. */
export interface WrittenPackage {
  readonly identifier: string;
  /** Bytes of the archive. */
  readonly size: number;
  /** Files in it, folders left out. */
  readonly files: number;
  readonly notes: readonly string[];
  /** Files written beside it. */
  readonly beside: readonly string[];
}

/**
 * Builds a package and writes it to a .zip, whole or not at all; beside it `<name>.metadata.yml`, and
 * `<name>.onnx` where the weights lie elsewhere. The same model gives the same bytes.
 * @throws VentralError `package-invalid` too where the archive is larger than the site takes
 */
export async function writePackage(path: string, request: PackageRequest): Promise<WrittenPackage> {
  const base = path.replace(/\.zip$/i, '');
  const built = await buildPackage(request);
  const written = await writeArchive(path, built, adviceOf(built, request));
  const metadata = `${base}.metadata.yml`;
  await writeFileAtomic(metadata, built.metadata);
  if (!request.weights) return { ...written, beside: [metadata] };
  const weights = `${base}.onnx`;
  await writeFileAtomic(weights, built.network.onnx);
  return {
    ...written,
    notes: [...written.notes, `${weights} has to be at ${request.weights.url} before the upload`],
    beside: [metadata, weights],
  };
}

/** Only the archive, as HTTP returns it. */
export async function writePackageArchive(
  path: string,
  request: PackageRequest,
): Promise<WrittenPackage> {
  const advice = '`ventral package` can build one with weights at a URL';
  return writeArchive(path, await buildPackage(request), advice);
}

async function writeArchive(
  path: string,
  built: BuiltPackage,
  advice: string,
): Promise<WrittenPackage> {
  const { identifier, files, notes } = built;
  const temporary = temporaryName(path);
  try {
    await writeZip(
      temporary,
      files.map(({ name, data }) => ({ name, data, compress: true })),
    );
    const { size } = await stat(temporary);
    if (size > SITE_LIMIT) throw tooLarge(size, advice);
    await rename(temporary, path);
    const count = files.filter(({ name }) => !name.endsWith('/')).length;
    return { identifier, size, files: count, notes, beside: [] };
  } finally {
    await rm(temporary, { force: true });
  }
}

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function adviceOf({ network }: BuiltPackage, { weights }: PackageRequest): string {
  if (weights) return 'leave receipts out';
  return `leave the weights (${mib(network.onnx.length)}) out: give --weights-url https://… --weights-sha1 ${network.sha1}, and upload the .onnx that is then written beside the archive to that address`;
}

function tooLarge(size: number, advice: string): VentralError {
  const sentence = `The archive has ${mib(size)}, the maximum of Brain-Score's site is ${mib(SITE_LIMIT)}; ${advice}`;
  return new VentralError('package-invalid', sentence, {
    expected: `at most ${SITE_LIMIT} bytes`,
    found: `${size} bytes`,
  });
}
