import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Router } from 'express';
import type { ModelCard } from '../../../activations/card/card.js';
import type { components } from '../../../api/schema.js';
import { VentralError } from '../../../errors/ventral-error.js';
import { present } from '../../../formats/present.js';
import { listBenchmarks } from '../../../scoring/registry/registry.js';
import type { Principal } from '../../../store/records/principal.js';
import { requirePlainFile } from '../../child/child-output.js';
import { clientOf } from '../../http/client.js';
import type { ServiceContext } from '../../registry/context.js';

type InputsRequest = components['schemas']['InputsRequest'];

const COUNT = 100;

/** POST `/benchmarks/{benchmark}/inputs`: stimuli as a network gets them, made in a child process and streamed. */
export function inputRoutes(context: ServiceContext): Router {
  const { store, activations } = context;
  const router = Router();
  router.post('/benchmarks/:benchmark/inputs', async (request, response) => {
    const { from = 0, count = COUNT, input, ...of } = request.body as InputsRequest;
    const client = clientOf(response);
    const { benchmark: name } = request.params;
    const benchmark = await referenceOf(context, client.principal, name);
    const card = await cardOf(context, client.principal, of);
    const folder = join(store.temporary, `inputs-${randomUUID()}`);
    const output = join(folder, 'inputs.npz');
    const range = { from, count, ...present({ input }) };
    await store.reservations.during(client.principal, 0, async (space) => {
      try {
        await activations.write(client, { benchmark, card, inputs: range, output });
        await requirePlainFile(output);
        await space.hold((await stat(output)).size);
        response.attachment('inputs.npz').type('application/x-npz');
        const options = { dotfiles: 'allow', cacheControl: false, lastModified: false } as const;
        await new Promise<void>((resolve, reject) => {
          response.sendFile(output, { ...options, acceptRanges: false }, (error) =>
            error ? reject(error) : resolve(),
          );
        });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  });
  return router;
}

/** @throws VentralError `not-found` */
async function referenceOf(
  { benchmarks }: ServiceContext,
  principal: Principal,
  name: string,
): Promise<string> {
  if (listBenchmarks().some(({ id }) => id === name)) return name;
  const { id } = await benchmarks.get(principal, name);
  return (await benchmarks.reference(id)).reference;
}

/** The card of the request, or that of a model which the caller may see. */
async function cardOf(
  { models, documents }: ServiceContext,
  principal: Principal,
  { model, card }: Pick<InputsRequest, 'model' | 'card'>,
): Promise<ModelCard> {
  if ((model === undefined) === (card === undefined)) {
    throw new VentralError('invalid-request', 'Expected either model or card', { field: '/card' });
  }
  if (card !== undefined) return documents.card(JSON.stringify(card));
  return (await models.scorable(principal, model as string)).card;
}
