import { createWriteStream } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { VentralError } from '../../errors/ventral-error.js';
import { openZip, type ZipArchive } from '../../formats/zip.js';
import { type BenchmarkDefinition, expandRegions } from '../../scoring/benchmark/benchmark.js';
import { dataOf } from '../../scoring/benchmark/benchmark-data.js';
import { parseBenchmark } from '../../scoring/registry/benchmark-file.js';
import { bytesOnDisk } from '../../store/files/benchmark-files.js';
import type { BenchmarkSummary } from '../../store/records/benchmark-store.js';

/** An archive to unpack, for the process that may open it. */
export interface UnpackTask {
  readonly archive: string;
  /** Folder to create and fill; without it the archive is only measured. */
  readonly folder?: string;
  /** Most bytes that its files may take together on the disk. */
  readonly bytes: number;
}

/** Contents of the archive. */
export interface UnpackedBenchmark {
  /** Bytes that its files take on the disk. */
  readonly unpacked: number;
  /** Name of the benchmark file. */
  readonly file: string;
  readonly summary: BenchmarkSummary;
}

const MOST_FILES = 1000;
/** What file systems take. */
const LONGEST_NAME = 255;

/**
 * Unpacks a benchmark: a flat ZIP of one YAML file and the files that it names. It may name nothing
 * that is not in the archive, but for the catalog's data and our generators.
 * @throws VentralError `zip-invalid`, `zip-unsafe-path`, `benchmark-invalid`, `too-large`
 */
export async function unpackBenchmark({
  archive,
  folder,
  bytes,
}: UnpackTask): Promise<UnpackedBenchmark | Pick<UnpackedBenchmark, 'unpacked'>> {
  const zip = await openZip(archive, 'the archive');
  try {
    const file = benchmarkFile(zip);
    const unpacked = zip.entries.reduce((sum, { size }) => sum + bytesOnDisk(size), 0);
    if (unpacked > bytes)
      throw new VentralError(
        'too-large',
        `The files of the archive take ${unpacked} bytes, the maximum is ${bytes}`,
      );
    if (folder === undefined) return { unpacked };
    await mkdir(folder);
    for (const { name } of zip.entries) await unpackFile(zip, name, join(folder, name));
    const definition = parseBenchmark(await readFile(join(folder, file), 'utf8'), { file, folder });
    const names = new Set(zip.entries.map(({ name }) => join(folder, name)));
    for (const [field, path] of pathsOf(definition)) {
      if (!names.has(path)) throw outside(file, field, relative(folder, path));
    }
    for (const { name } of zip.entries)
      if (/\.(?:zip|npz)$/i.test(name)) await checkNested(join(folder, name), name);
    return { file, unpacked, summary: summaryOf(definition) };
  } finally {
    await zip.close();
  }
}

function benchmarkFile({ entries }: ZipArchive): string {
  const nested = entries.find(({ name }) => /[/\\]/.test(name));
  if (nested)
    throw new VentralError(
      'zip-invalid',
      `The archive must be flat, found ${nested.name}: put images into a ZIP inside it`,
      {
        file: nested.name,
      },
    );
  const odd = entries.find(({ name }) => /\p{Cc}/u.test(name));
  if (odd)
    throw new VentralError(
      'zip-invalid',
      `${JSON.stringify(odd.name)}: names must not contain control characters`,
    );
  const long = entries.find(({ name }) => Buffer.byteLength(name) > LONGEST_NAME);
  if (long)
    throw new VentralError(
      'zip-invalid',
      `The archive has a file name of ${Buffer.byteLength(long.name)} bytes, the maximum is ${LONGEST_NAME}`,
    );
  if (entries.length > MOST_FILES)
    throw new VentralError(
      'too-large',
      `The archive has ${entries.length} files, the maximum is ${MOST_FILES}: put images into a ZIP inside it`,
    );
  const [file, ...others] = entries
    .map(({ name }) => name)
    .filter((name) => /\.ya?ml$/i.test(name));
  if (file === undefined || others.length > 0) {
    const found = file === undefined ? 'none' : [file, ...others].slice(0, 3).join(', ');
    throw new VentralError(
      'benchmark-invalid',
      `The archive must have exactly one YAML file, found ${found}`,
    );
  }
  return file;
}

/** An archive inside is never unpacked whole; what its directory says must hold all the same. */
async function checkNested(path: string, name: string): Promise<void> {
  const nested = await openZip(path, name);
  await nested.close();
}

async function unpackFile(zip: ZipArchive, name: string, path: string): Promise<void> {
  await pipeline(await zip.stream(name), createWriteStream(path, { flags: 'wx' }));
  const handle = await open(path, 'r+');
  await handle.sync().finally(() => handle.close());
}

/** Every path of a definition, with its key. */
function* pathsOf(definition: BenchmarkDefinition): Generator<[string, string]> {
  for (const { name, source } of dataOf(definition)) {
    const field = name === 'neurons' ? '/distribution/neurons' : `/${name.replaceAll('.', '/')}`;
    if (source.kind === 'file') yield [field, source.path];
    if ('join' in source && source.join) yield [`${field}/join/table`, source.join.table];
    if (source.kind !== 'files') continue;
    yield [`${field}/csv`, source.csv];
    if (source.images !== undefined) yield [`${field}/images`, source.images];
  }
  const { neuroids, split } = definition;
  if (neuroids !== undefined) yield ['/neuroids', neuroids];
  if (split?.table.kind === 'file') yield ['/split/table', split.table.path];
}

function outside(file: string, field: string, found: string): VentralError {
  const key = field.slice(1).replaceAll('/', '.');
  return new VentralError(
    'benchmark-invalid',
    `${file}: ${key} names ${found}, which is not in the archive`,
    { file, field, found },
  );
}

function summaryOf(definition: BenchmarkDefinition): BenchmarkSummary {
  const { identifier, version, simulated, metric, visualDegrees, reference } = definition;
  return {
    identifier,
    version,
    simulated,
    metric: metric.name,
    visualDegrees: typeof visualDegrees === 'number' ? visualDegrees : null,
    reference: reference ? { ...reference } : null,
    benchmarks: expandRegions(definition).map(({ id, region }) => ({ id, region: region ?? null })),
  };
}
