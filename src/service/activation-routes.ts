import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Response, Router } from 'express';
import type { components } from '../api/schema.js';
import { findData } from '../data/catalog.js';
import { VentralError } from '../errors/ventral-error.js';
import type { Principal } from '../store/principal.js';
import type { ActivationTask } from './activation-task.js';
import type { ServiceContext } from './context.js';
import { principalOf } from './principal-of.js';
import { RequestProblem } from './problem.js';

type ActivationsRequest = components['schemas']['ActivationsRequest'];

/** `/activations`: what layers answer to stimuli, made in a child process and streamed. */
export function activationRoutes(context: ServiceContext): Router {
  const router = Router();
  router.post('/activations', async (request, response) => {
    const asked = request.body as ActivationsRequest;
    const principal = principalOf(response);
    const stimuli = await stimuliOf(context, principal, asked);
    const model = await context.desk.scorable(principal, asked.model);
    const { files } = context.store;
    const reference = model.registration ? await files.local(model.digest) : model.reference;
    const netcdf =
      request.accepts(['application/x-npz', 'application/x-netcdf']) === 'application/x-netcdf';
    const { temporary } = context.store;
    const output = join(temporary, `activations-${randomUUID()}${netcdf ? '.nc' : '.npz'}`);
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    try {
      await context.worker.activations(
        { reference, card: model.card, layers: asked.layers, ...stimuli, output },
        gone.signal,
      );
      await sendWhole(response.type(netcdf ? 'application/x-netcdf' : 'application/x-npz'), output);
    } catch (error) {
      if (!gone.signal.aborted) throw error;
    } finally {
      await rm(output, { force: true });
    }
  });
  return router;
}

/**
 * Over HTTP stimuli are those of a benchmark, or a set of the catalog, and never a path.
 * Throws `benchmark-unknown`, `invalid-request`, or `not-found` as 422 by pointer.
 */
async function stimuliOf(
  { benchmarks }: ServiceContext,
  principal: Principal,
  { stimuli, benchmark, degrees }: ActivationsRequest,
): Promise<Pick<ActivationTask, 'benchmark' | 'stimuli' | 'degrees'>> {
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
