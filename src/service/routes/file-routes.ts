import { rm } from 'node:fs/promises';
import { type RequestHandler, Router } from 'express';
import { VentralError } from '../../errors/ventral-error.js';
import { principalOf, requireAdmin } from '../http/principal-of.js';
import type { ServiceContext } from '../registry/context.js';
import { receiveStream } from '../upload/receive-file.js';
import { withSpace } from '../upload/upload-space.js';

/** GET `/files/{digest}`: the bytes of models and benchmarks, for workers. */
export function fileRoutes({ store }: ServiceContext): Router {
  const router = Router();
  router.get('/files/:digest', async (request, response) => {
    requireAdmin(principalOf(response));
    const { digest } = request.params;
    const { kind } = request.query as { kind: 'model' | 'benchmark' };
    const path =
      kind === 'model'
        ? await store.files.local(digest).catch(notFound)
        : await store.benchmarkFiles.localArchive(digest).catch(notFound);
    response.attachment(`${digest.slice(7, 19)}.${kind === 'model' ? 'onnx' : 'zip'}`);
    response.type('application/octet-stream');
    await new Promise<void>((resolve, reject) => {
      response.sendFile(path, { dotfiles: 'allow', cacheControl: false }, (error) =>
        error ? reject(error) : resolve(),
      );
    });
  });
  return router;
}

/** PUT `/files/{digest}`: a network that a worker has made streams to disk, and is kept if its digest is the one it is sent under. */
export function fileUpload(context: ServiceContext): RequestHandler {
  const { store, uploadSize } = context;
  return async (request, response) => {
    requireAdmin(principalOf(response));
    const { digest } = request.params;
    if (!/^sha256:[0-9a-f]{64}$/.test(String(digest)) || request.query.kind !== 'model') {
      throw new VentralError('invalid-request', 'Expected sha256: and 64 digits, and kind=model');
    }
    const file = await withSpace(
      context,
      request,
      response,
      { most: uploadSize, field: '' },
      (space) => receiveStream(request, store.temporary, { filename: '', most: uploadSize, space }),
    );
    try {
      if (file.digest !== digest) {
        throw new VentralError(
          'checksum-mismatch',
          `The received bytes have the digest ${file.digest}`,
          {
            expected: String(digest),
            found: file.digest,
          },
        );
      }
      await store.files.place(file.path, file.digest);
    } finally {
      await rm(file.path, { force: true });
    }
    response.status(204).end();
  };
}

function notFound(error: unknown): never {
  const { code, message } = VentralError.from(error);
  throw code === 'file-missing' ? new VentralError('not-found', message) : error;
}
