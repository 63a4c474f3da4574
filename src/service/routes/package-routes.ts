import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { type RequestHandler, type Response, Router } from 'express';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { requirePlainFile } from '../child/child-output.js';
import type { TaskPaths } from '../child/visible-paths.js';
import { clientOf } from '../http/client.js';
import { ChildQueue } from '../queue/child-queue.js';
import { checkLimit } from '../queue/deadlines.js';
import type { ServiceContext } from '../registry/context.js';
import { receiveStream } from '../upload/receive-file.js';
import { withSpace } from '../upload/upload-space.js';
import type { PackageTask } from '../work/package-task.js';

type PackageRequest = components['schemas']['PackageRequest'];
type PackageCheck = components['schemas']['PackageCheck'];

/** Time that a package may take; a large network is read, written and compressed. */
const SECONDS = 300;
/** Bytes of memory beyond those of the model, which is held a few times. */
const MEMORY = 2 ** 30;
const COPIES = 6;

/** The children of packages, in one service. */
export const packageQueue = ({ failed }: Pick<ServiceContext, 'failed'>) =>
  new ChildQueue({ what: 'packages', running: 3, runningEach: 2 }, failed);

/** `/packages`: a submission to Brain-Score, made in a child process and streamed. */
export function packageRoutes(context: ServiceContext, children: ChildQueue): Router {
  const router = Router();
  router.post('/packages', async (request, response) => {
    const { model: asked, format, identifier } = request.body as PackageRequest;
    const { models, store, closing } = context;
    const client = clientOf(response);
    const model = await models.scorable(client.principal, asked);
    const path = model.registration
      ? await store.files.local(model.digest, client.signal)
      : model.reference;
    const size = model.registration ? (await stat(path)).size : 0;
    const folder = join(store.temporary, `package-${randomUUID()}`);
    const output = join(folder, 'package.zip');
    const card = { ...model.card, name: model.card.name ?? model.name };
    try {
      const task: PackageTask = {
        kind: 'build',
        request: { model: { path, card }, format, ...(identifier ? { identifier } : {}) },
        output,
      };
      // The file exists until the client has read it.
      await store.reservations.during(client.principal, size, async (space) => {
        const built = await children.run<{ identifier: string }>(client, {
          script: 'package-child.js',
          task,
          temporary: store.temporary,
          ...pathsOf(task),
          limits: { memory: MEMORY + COPIES * size, seconds: SECONDS },
          signal: closing,
        });
        await requirePlainFile(output);
        await space.hold((await stat(output)).size);
        response.attachment(`${built.identifier}.zip`).type('application/zip');
        await sendWhole(response, output);
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
  return router;
}

/** POST `/packages/check`: an archive that streams to disk, and is never unpacked there. */
export function packageCheck(context: ServiceContext, children: ChildQueue): RequestHandler {
  return async (request, response) => {
    if (!request.is('application/zip')) {
      throw new VentralError('unsupported-media-type', 'Expected an archive as application/zip');
    }
    const { store, uploadSize: most, closing, deadlines } = context;
    const check = await withSpace(
      context,
      request,
      response,
      { most, field: '' },
      async (space) => {
        const file = await receiveStream(request, store.temporary, { filename: '', most, space });
        const task: PackageTask = { kind: 'check', archive: file.path };
        const checked = children.run<PackageCheck>(clientOf(response), {
          script: 'package-child.js',
          task,
          temporary: store.temporary,
          ...pathsOf(task),
          limits: { memory: MEMORY, ...checkLimit(deadlines, file.size) },
          signal: closing,
        });
        return checked.finally(() => rm(file.path, { force: true }));
      },
    );
    response.json(check);
  };
}

const pathsOf = (task: PackageTask): TaskPaths =>
  task.kind === 'check'
    ? { reads: [task.archive], writes: [] }
    : {
        reads: [task.request.model.path].filter(isAbsolute),
        writes: [dirname(task.output)],
      };

function sendWhole(response: Response, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    response.sendFile(
      path,
      { dotfiles: 'allow', cacheControl: false, lastModified: false, acceptRanges: false },
      (error) => (error ? reject(error) : resolve()),
    );
  });
}
