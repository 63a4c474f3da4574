import { Router } from 'express';
import { VentralError } from '../errors/ventral-error.js';
import type { ServiceContext } from './context.js';
import { principalOf, requireAdmin } from './principal-of.js';

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

function notFound(error: unknown): never {
  const { code, message } = VentralError.from(error);
  throw code === 'file-missing' ? new VentralError('not-found', message) : error;
}
