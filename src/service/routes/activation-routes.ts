import { randomUUID } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import type { components } from '../../api/schema.js';
import { findData } from '../../data/catalog.js';
import { VentralError } from '../../errors/ventral-error.js';
import type { Principal } from '../../store/records/principal.js';
import { requirePlainFile } from '../child/child-output.js';
import { clientOf } from '../http/client.js';
import { principalOf } from '../http/principal-of.js';
import { RequestProblem } from '../http/problem.js';
import type { ServiceContext } from '../registry/context.js';
import { isForm, receiveImages } from '../upload/receive-images.js';
import { withSpace } from '../upload/upload-space.js';
import type { ActivationTask } from '../work/activation-task.js';

type ActivationsRequest = components['schemas']['ActivationsRequest'];
type Stimuli = Pick<ActivationTask, 'benchmark' | 'stimuli' | 'degrees'>;

/** What can be answered, with the file that is made for it; the first where all is welcome. */
const formats: Readonly<Record<string, string>> = {
  'application/x-npz': '.npz',
  'application/json': '.json',
  'application/x-netcdf': '.nc',
  'application/vnd.apache.arrow.stream': '.arrow',
};

/** `/activations`: what layers answer to stimuli, made in a child process and streamed. */
export function activationRoutes(context: ServiceContext): Router {
  const router = Router();
  router.post('/activations', async (request, response) => {
    const asked = request.body as ActivationsRequest;
    const type = formatOf(request);
    const by = principalOf(response);
    const stimuli = await stimuliOf(context, by, asked);
    await context.store.reservations.during(by, 0, (space) =>
      answer(context, response, { ...asked, type }, stimuli, (bytes) => space.hold(bytes)),
    );
  });
  return router;
}

/** POST `/activations` with images of one's own, as parts `images` of a form that streams to disk. */
export function activationUpload(context: ServiceContext): RequestHandler {
  return async (request, response, next) => {
    if (!isForm(request)) return next();
    const type = formatOf(request);
    const { store, uploadSize } = context;
    const folder = join(store.temporary, `images-${randomUUID()}`);
    await withSpace(
      context,
      request,
      response,
      { most: uploadSize, field: '/images' },
      async (space) => {
        await mkdir(folder, { mode: 0o700 });
        try {
          const { form, bytes } = await receiveImages(request, folder, uploadSize, space);
          const { model, layers, degrees } = form;
          const asked = { model, layers, type };
          const hold = (made: number) => space.hold(bytes + made);
          await answer(context, response, asked, { stimuli: folder, degrees }, hold);
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      },
    );
  };
}

/** @throws VentralError `not-acceptable` */
function formatOf(request: Request): string {
  const type = request.accepts(Object.keys(formats));
  if (type) return type;
  throw new VentralError(
    'not-acceptable',
    `Activations are available as ${Object.keys(formats).join(', ')}; the request accepts ${request.get('Accept')}`,
  );
}

interface Asked {
  readonly provider?: ActivationsRequest['provider'];
  readonly model: string;
  readonly layers: readonly string[];
  readonly type: string;
}

/**
 * Makes the file in a child, which ends when the client goes away, and streams it.
 * @param hold reserves the bytes of the file, which a client may take long to read
 */
async function answer(
  { models, store, activations }: ServiceContext,
  response: Response,
  { model: asked, layers, type, provider }: Asked,
  stimuli: Stimuli,
  hold: (bytes: number) => Promise<void>,
): Promise<void> {
  const client = clientOf(response);
  const model = await models.scorable(client.principal, asked);
  const reference = model.registration
    ? await store.files.local(model.digest, client.signal)
    : model.reference;
  const folder = join(store.temporary, `activations-${randomUUID()}`);
  const output = join(folder, `activations${formats[type]}`);
  try {
    const task = {
      ...{ reference, card: model.card, layers, ...stimuli, output },
      ...(provider && provider !== 'cpu' ? { provider } : {}),
    };
    await activations.write(client, task);
    await requirePlainFile(output);
    await hold((await stat(output)).size);
    if (type !== 'application/json') response.attachment(`activations${formats[type]}`);
    await sendWhole(response.type(type), output);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Over HTTP stimuli are those of a benchmark, or a set of the catalog, and never a path.
 * @throws VentralError `benchmark-unknown`, `invalid-request`, or `not-found` as 422 by pointer
 */
async function stimuliOf(
  { benchmarks }: ServiceContext,
  principal: Principal,
  { stimuli, benchmark, degrees }: ActivationsRequest,
): Promise<Stimuli> {
  if ((stimuli === undefined) === (benchmark === undefined)) {
    throw new VentralError(
      'invalid-request',
      'Expected either benchmark, or stimuli with degrees',
      { field: '/stimuli' },
    );
  }
  if (benchmark !== undefined) {
    await benchmarks.asked(principal, [benchmark], () => '/benchmark');
    return { benchmark: (await benchmarks.reference(benchmark)).reference };
  }
  try {
    findData(stimuli as string, 'stimuli');
  } catch (thrown) {
    const { message } = VentralError.from(thrown);
    throw new RequestProblem('data-missing', message, {
      parts: [{ pointer: '/stimuli', detail: message }],
    });
  }
  if (degrees === undefined) {
    throw new VentralError('invalid-request', 'stimuli and degrees go together', {
      field: '/degrees',
    });
  }
  return { stimuli: stimuli as string, degrees };
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
