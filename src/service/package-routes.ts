import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type RequestHandler, type Response, Router } from 'express';
import type { components } from '../api/schema.js';
import { VentralError } from '../errors/ventral-error.js';
import { runChild } from './child.js';
import type { ServiceContext } from './context.js';
import { Gate } from './gate.js';
import type { PackageTask } from './package-task.js';
import { principalOf } from './principal-of.js';
import { receiveStream } from './receive-file.js';
import { withSpace } from './upload-space.js';

type PackageRequest = components['schemas']['PackageRequest'];
type PackageCheck = components['schemas']['PackageCheck'];

/** Time that a package may take; a large network is read, written and compressed. */
const SECONDS = 300;
/** Bytes of memory beyond those of the model, which is held a few times. */
const MEMORY = 2 ** 30;
const COPIES = 6;

/** Processes of packages at once, in one service. */
const children = new Gate(2);

/** `/packages`: a submission to Brain-Score, made in a child process and streamed. */
export function packageRoutes(context: ServiceContext): Router {
  const router = Router();
  router.post('/packages', async (request, response) => {
    const { model: asked, format, identifier } = request.body as PackageRequest;
    const { desk, store } = context;
    const model = await desk.scorable(principalOf(response), asked);
    const path = model.registration ? await store.files.local(model.digest) : model.reference;
    const size = model.registration ? (await stat(path)).size : 0;
    const output = join(store.temporary, `package-${randomUUID()}.zip`);
    const card = { ...model.card, name: model.card.name ?? model.name };
    try {
      // It lies here for as long as the client takes to read it.
      await store.reservations.during(principalOf(response), size, async (space) => {
        const built = await inChild<{ identifier: string }>(context, response, size, {
          kind: 'build',
          request: { model: { path, card }, format, ...(identifier ? { identifier } : {}) },
          output,
        });
        await space.hold((await stat(output)).size);
        response.attachment(`${built.identifier}.zip`).type('application/zip');
        await sendWhole(response, output);
      });
    } catch (error) {
      unlessGone(response, error);
    } finally {
      await rm(output, { force: true });
    }
  });
  return router;
}

/** POST `/packages/check`: an archive that streams to disk, and is never unpacked there. */
export function packageCheck(context: ServiceContext): RequestHandler {
  return async (request, response) => {
    if (!request.is('application/zip')) {
      throw new VentralError('unsupported-media-type', 'Expected an archive as application/zip');
    }
    const { store, uploadSize: most } = context;
    try {
      const check = await withSpace(context, request, response, most, async (space) => {
        const limits = { filename: '', most, space };
        const { path: archive } = await receiveStream(request, store.temporary, limits);
        const checked = inChild<PackageCheck>(context, response, 0, { kind: 'check', archive });
        return checked.finally(() => rm(archive, { force: true }));
      });
      response.json(check);
    } catch (error) {
      unlessGone(response, error);
    }
  };
}

/** Runs the task; it ends when the client goes away or the service stops. */
async function inChild<T>(
  { store, closing }: ServiceContext,
  response: Response,
  size: number,
  task: PackageTask,
): Promise<T> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return children.run(() =>
    runChild<T>({
      script: 'package-child.js',
      task,
      temporary: store.temporary,
      limits: { memory: MEMORY + COPIES * size, seconds: SECONDS },
      signal: AbortSignal.any([gone.signal, closing]),
    }),
  );
}

/** Nobody is left to be told why. */
function unlessGone(response: Response, error: unknown): void {
  if (!response.closed) throw error;
}

function sendWhole(response: Response, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    response.sendFile(
      path,
      { dotfiles: 'allow', cacheControl: false, lastModified: false, acceptRanges: false },
      (error) => (error ? reject(error) : resolve()),
    );
  });
}
