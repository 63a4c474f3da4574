import { type Request, type Response, Router } from 'express';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { isOpen, type TrainingJob } from '../../store/jobs/job.js';
import type { CheckpointRecord } from '../../store/jobs/training-store.js';
import { clientOf } from '../http/client.js';
import { principalOf, requireChange } from '../http/principal-of.js';
import type { ServiceContext } from '../registry/context.js';
import { receiveFile } from '../upload/receive-file.js';
import { resource } from './model-routes.js';
import { findTraining } from './training-routes.js';

const path = '/trainings/:job/checkpoints';

/** `/trainings/{job}/checkpoints`: the networks that a training has kept. */
export function checkpointRoutes(context: ServiceContext): Router {
  const { store, models } = context;
  const router = Router();
  router.get(path, async (request, response) => {
    const { id } = await findTraining(context, principalOf(response), request.params.job);
    const items = (await store.jobs.trainings.checkpoints(id)).map((found) => show(id, found));
    response.json({ items } satisfies components['schemas']['CheckpointList']);
  });
  router.get(`${path}/:checkpoint`, async (request, response) => {
    const { job, checkpoint } = await find(context, request, response);
    const { digest, name } = checkpoint;
    const file = await store.files.local(digest);
    response
      .attachment(`${job.recipe.name}-${name}.onnx`)
      .type('application/octet-stream')
      .set('ETag', `"${digest}"`);
    await new Promise<void>((resolve, reject) => {
      const how = { dotfiles: 'allow', cacheControl: false, lastModified: false } as const;
      response.sendFile(file, how, (error) => (error ? reject(error) : resolve()));
    });
  });
  router.delete(`${path}/:checkpoint`, async (request, response) => {
    const { job, checkpoint } = await find(context, request, response);
    requireChange(principalOf(response), job);
    if (isOpen(job))
      throw new VentralError('conflict', 'The training has not ended: cancel it first');
    await store.jobs.trainings.removeCheckpoint(job.id, checkpoint.name);
    await models.free(checkpoint.digest);
    response.status(204).end();
  });
  router.post(`${path}/:checkpoint/model`, async (request, response) => {
    const { job, checkpoint } = await find(context, request, response);
    const { name = `${job.recipe.name} ${checkpoint.name}`, ...access } =
      request.body as components['schemas']['CheckpointRegistration'];
    const client = clientOf(response);
    const { model, created } = await store.reservations.during(
      client.principal,
      checkpoint.size,
      async (reservation) => {
        const file = await receiveFile(await store.files.local(checkpoint.digest), store.temporary);
        const named = { ...file, filename: `${checkpoint.name}.onnx`, reservation };
        return models.register(client, named, () => ({ name, ...access }));
      },
    );
    const shown = resource(model);
    response
      .status(created ? 201 : 200)
      .location(shown.links.self)
      .json(shown);
  });
  return router;
}

/** @throws VentralError `not-found` */
async function find(
  context: ServiceContext,
  { params }: Request<{ job: string; checkpoint: string }>,
  response: Response,
): Promise<{ job: TrainingJob; checkpoint: CheckpointRecord }> {
  const job = await findTraining(context, principalOf(response), params.job);
  const checkpoint = await context.store.jobs.trainings.checkpoint(job.id, params.checkpoint);
  if (checkpoint) return { job, checkpoint };
  throw new VentralError('not-found', `The training has no checkpoint "${params.checkpoint}"`);
}

function show(job: string, checkpoint: CheckpointRecord): components['schemas']['Checkpoint'] {
  const { name, stage, epoch, digest, size, createdAt } = checkpoint;
  const self = `/v1/trainings/${job}/checkpoints/${name}`;
  return {
    ...{ name, stage, epoch, digest, size },
    createdAt: createdAt.toISOString(),
    links: { self, model: `${self}/model` },
  };
}
