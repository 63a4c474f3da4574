import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { BenchmarkFiles } from '../../store/files/benchmark-files.js';
import type { DamageWatch } from '../../store/files/damaged-file.js';
import { FileCache } from '../../store/files/file-cache.js';
import { type FileOrigin, type FileSource, homeSource } from '../../store/files/file-source.js';
import { HttpFiles } from '../../store/files/http-files.js';
import { ModelFiles } from '../../store/files/model-files.js';
import { S3Files, s3Place } from '../../store/files/s3-files.js';
import { unpackInChild } from '../child/unpack-in-child.js';

/** Limits of a worker's files. */
export interface WorkerFileBounds {
  readonly home: string;
  /** Folder of unfinished work. */
  readonly temporary: string;
  /** Bytes of memory of the process that unpacks. */
  readonly maxMemory: number;
  /** Bytes that files may keep on the disk. */
  readonly maxCache: number;
  /** Told of damage in a home that is the service's. */
  readonly watch?: DamageWatch;
}

/**
 * Where a worker gets files: the bucket that VENTRAL_S3_BUCKET names, else the service at
 * VENTRAL_SERVICE with the admin's key VENTRAL_KEY, both by HOME/files; else the worker's home is that
 * of the service.
 * @throws VentralError `bad-usage`
 */
export async function workerFiles(
  environment: NodeJS.ProcessEnv,
  { home, temporary, maxMemory, maxCache, watch }: WorkerFileBounds,
): Promise<FileSource> {
  const origin = await originOf(environment);
  const unpack = unpackInChild(temporary, maxMemory);
  if (!origin) {
    return homeSource({
      files: new ModelFiles(home, undefined, watch),
      benchmarkFiles: new BenchmarkFiles(home, undefined, unpack, watch),
    });
  }
  return FileCache.open({ folder: join(home, 'files'), maxBytes: maxCache, origin, unpack });
}

async function originOf(environment: NodeJS.ProcessEnv): Promise<FileOrigin | undefined> {
  const place = s3Place(environment);
  return place ? S3Files.connect(place) : peerFiles(environment);
}

/**
 * The files of the service at VENTRAL_SERVICE; undefined if it is unset.
 * @throws VentralError `bad-usage`
 */
export function peerFiles(environment: NodeJS.ProcessEnv): FileOrigin | undefined {
  const { VENTRAL_SERVICE: url, VENTRAL_KEY: key } = environment;
  if (!url) return undefined;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url) || !key) {
    throw new VentralError(
      'bad-usage',
      'VENTRAL_SERVICE: expected a URL such as https://ventral.lab.example, with an admin key in VENTRAL_KEY',
      { field: 'VENTRAL_SERVICE' },
    );
  }
  return new HttpFiles(url, key);
}
