import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import type { FileKind } from './file-kind.js';
import { type FileMirror, missingFile, unavailable } from './file-source.js';

/** A bucket of an S3-compatible store; credentials come as the AWS client finds them (`AWS_ACCESS_KEY_ID`, …). */
export interface S3Place {
  readonly bucket: string;
  /** Where it is not Amazon's: a URL, with the bucket in its path. */
  readonly endpoint?: string;
  readonly region?: string;
}

/** Reads VENTRAL_S3_BUCKET, VENTRAL_S3_ENDPOINT and VENTRAL_S3_REGION; undefined without a bucket. */
export function s3Place(environment: NodeJS.ProcessEnv): S3Place | undefined {
  const { VENTRAL_S3_BUCKET: bucket, VENTRAL_S3_ENDPOINT: endpoint } = environment;
  const region = environment.VENTRAL_S3_REGION || environment.AWS_REGION;
  if (!bucket) return undefined;
  return { bucket, ...(endpoint ? { endpoint } : {}), ...(region ? { region } : {}) };
}

const UPLOAD_TRIES = 3;

/** It would speak on the console; what fails is thrown. */
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Models and archives in a bucket, as `models/<sha256>.onnx` and `benchmarks/<sha256>.zip`. */
export class S3Files implements FileMirror {
  readonly #client: S3Client;
  readonly #bucket: string;

  private constructor(client: S3Client, bucket: string) {
    this.#client = client;
    this.#bucket = bucket;
  }

  static async connect({ bucket, endpoint, region = 'us-east-1' }: S3Place): Promise<S3Files> {
    // Loading takes half a second, which a service without a bucket should not pay.
    // The version is pinned: warnings about later versions do not concern users.
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
    const { S3Client } = await import('@aws-sdk/client-s3');
    const client = new S3Client({
      region,
      ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
      // Not every store knows them; the digest is checked anyway.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      logger: silent,
    });
    return new S3Files(client, bucket);
  }

  /** Ends its connections: a broken one would delay the exit of a command for seconds. */
  close(): void {
    this.#client.destroy();
  }

  async open(digest: string, kind: FileKind, signal: AbortSignal): Promise<Readable> {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    try {
      const object = { Bucket: this.#bucket, Key: keyOf(digest, kind) };
      const { Body } = await this.#client.send(new GetObjectCommand(object), {
        abortSignal: signal,
      });
      return Body as Readable;
    } catch (error) {
      signal.throwIfAborted();
      if (isMissing(error)) throw missingFile(digest, kind);
      throw unavailable(`Reading ${digest} from the bucket ${this.#bucket} failed`, error);
    }
  }

  /**
   * Stores a file.
   * @throws VentralError `files-unavailable`
   */
  async put(path: string, digest: string, kind: FileKind): Promise<void> {
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    const { size } = await stat(path);
    for (let tries = 1; ; tries++) {
      try {
        const object = { Bucket: this.#bucket, Key: keyOf(digest, kind), ContentLength: size };
        await this.#client.send(new PutObjectCommand({ ...object, Body: createReadStream(path) }));
        return;
      } catch (error) {
        if (tries === UPLOAD_TRIES)
          throw unavailable(`Writing ${digest} to the bucket ${this.#bucket} failed`, error);
      }
    }
  }

  /**
   * Removes a file, if it is there.
   * @throws VentralError `files-unavailable`
   */
  async remove(digest: string, kind: FileKind): Promise<void> {
    const { DeleteObjectCommand } = await import('@aws-sdk/client-s3');
    const object = { Bucket: this.#bucket, Key: keyOf(digest, kind) };
    await this.#client.send(new DeleteObjectCommand(object)).catch((error) => {
      throw unavailable(`Removing ${digest} from the bucket ${this.#bucket} failed`, error);
    });
  }
}

function isMissing(error: unknown): boolean {
  const { name, $metadata } = error as Partial<S3ServiceException>;
  return $metadata?.httpStatusCode === 404 && name !== 'NoSuchBucket';
}

const keyOf = (digest: string, kind: FileKind) =>
  `${kind === 'model' ? 'models' : 'benchmarks'}/${digest.slice('sha256:'.length)}.${kind === 'model' ? 'onnx' : 'zip'}`;
