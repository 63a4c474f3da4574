import compression from 'compression';
import { type RequestHandler, type Response, Router } from 'express';
import type { ModelCard } from '../../activations/card/card.js';
import {
  type CardWarning,
  cardWarnings,
  unfinishedLines,
} from '../../activations/card/card-warnings.js';
import { inputWarnings } from '../../activations/stimuli/input-warnings.js';
import type { components } from '../../api/schema.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { type FactQuery, readFactFilter } from '../../leaderboard/fact-filter.js';
import type { ModelValue } from '../../onnx/model-inputs.js';
import { factsOf } from '../../scoring/model/model-facts.js';
import type { ModelRecord } from '../../store/records/model-store.js';
import { servicePrincipal } from '../../store/records/principal.js';
import { clientOf } from '../http/client.js';
import { entityTag, requireMatch } from '../http/entity-tags.js';
import { wasAnswered } from '../http/idempotency.js';
import { principalOf } from '../http/principal-of.js';
import { CARD_SIZE } from '../http/read-card.js';
import { readPage } from '../http/read-page.js';
import { readAccess } from '../http/read-visibility.js';
import type { ServiceContext } from '../registry/context.js';
import { factsShown } from '../registry/model-facts.js';
import type { Description, ShippedModel } from '../registry/model-service.js';
import type { RegionService } from '../registry/region-service.js';
import { receiveUpload } from '../upload/upload.js';
import { replayed } from '../upload/upload-replay.js';
import { withSpace } from '../upload/upload-space.js';
import { cardDraft } from './card-draft.js';

type ModelResource = components['schemas']['Model'];

/** POST `/models`: an upload that streams to disk, is checked in a child process, and registered. */
export function modelUpload(context: ServiceContext): RequestHandler {
  const { store, models, uploadSize } = context;
  return async (request, response) => {
    let cardText: string | undefined;
    const registered = await withSpace(
      context,
      request,
      response,
      { most: uploadSize + CARD_SIZE, field: '/file' },
      async (space) => {
        const received = await receiveUpload(request, store.temporary, {
          fileSize: uploadSize,
          fieldSize: CARD_SIZE,
          fieldNames: ['card', 'name', 'visibility', 'group'],
          space,
          keep: !wasAnswered(response),
        });
        if (await replayed(response, received)) return undefined;
        cardText = received.fields.get('card');
        const file = { ...received.file, reservation: space };
        return models.register(clientOf(response), file, () => describe(context, received.fields));
      },
    );
    if (!registered) return;
    const mixed = await models.mixed(registered.model);
    const found = [...registered.warnings, ...mixed];
    const answer = registration(registered.model, cardText, found);
    // The tag is that of the model as it is read later, without remarks on the text of the card.
    response
      .status(registered.created ? 201 : 200)
      .location(answer.links.self)
      .set('ETag', entityTag(JSON.stringify(resource(registered.model))))
      .json(answer);
  };
}

/**
 * Reads the parts beside the file.
 * @throws VentralError `invalid-request`, and what `DocumentReader` throws
 */
async function describe(
  { documents }: ServiceContext,
  fields: ReadonlyMap<string, string>,
): Promise<Description> {
  const name = fields.get('name');
  if (name !== undefined && !isName(name)) {
    throw new VentralError('invalid-request', 'name: expected 1 to 200 characters on one line', {
      field: '/name',
    });
  }
  const card = fields.get('card');
  return {
    ...(card === undefined ? {} : { card: await documents.card(card) }),
    ...present({ name }),
    ...readAccess(fields),
  };
}

/** The resources below `/models`, but for the upload. */
export function modelRoutes(context: ServiceContext, regions: RegionService): Router {
  const { store, models, documents } = context;
  const router = Router();
  router.get('/models', async (request, response) => {
    const { items, next } = await store.models.list(
      principalOf(response),
      readPage(request.query),
      request.query.digest as string | undefined,
      'model',
      readFactFilter(request.query as FactQuery),
    );
    response.json({
      items: items.map(resource),
      next,
    } satisfies components['schemas']['ModelPage']);
  });
  router.get('/models/:model', async (request, response) => {
    const { model } = request.params;
    const shipped = await models.shipped(model);
    response.json(
      shipped ? shippedResource(shipped) : resource(await models.get(principalOf(response), model)),
    );
  });
  router.all('/models/:model', async (request, _response, next) => {
    const { model } = request.params;
    if (await models.shipped(model))
      throw new VentralError('forbidden', `${model} ships with ventral and cannot be changed`);
    next();
  });
  router.patch('/models/:model', async (request, response) => {
    const { card, ...change } = request.body as components['schemas']['ModelChange'];
    const checked = card === undefined ? {} : { card: await documents.card(JSON.stringify(card)) };
    const model = await models.change(
      clientOf(response),
      request.params.model,
      { ...change, ...checked },
      (now) => requireMatch(request, resource(now)),
    );
    response.json(resource(model));
  });
  router.delete('/models/:model', async (request, response) => {
    await models.remove(principalOf(response), request.params.model, (now) =>
      requireMatch(request, resource(now)),
    );
    response.status(204).end();
  });
  router.get('/models/:model/card', async (request, response) => {
    const model = await models.get(principalOf(response), request.params.model);
    const card = model.card as ModelCard | null;
    response.json(cardDraft(model.name, card, await models.draft(clientOf(response), model)));
  });
  router.get('/models/:model/layers', async (request, response) => {
    const { model: asked } = request.params;
    const model = (await models.shipped(asked)) ?? (await models.get(principalOf(response), asked));
    response.json({ model: model.digest, layers: await models.layers(clientOf(response), model) });
  });
  router.get('/models/:model/regions', compression(), async (request, response) => {
    const { model } = request.params as { readonly model: string };
    const simulated = request.query.simulated as boolean | undefined;
    response.json(await regions.read(principalOf(response), model, simulated));
  });
  router.get('/models/:model/content', async (request, response) => {
    const shipped = await models.shipped(request.params.model);
    if (shipped) return sendModel(response, shipped, await models.shippedFile(shipped));
    const model = await models.get(principalOf(response), request.params.model);
    await sendModel(response, model, await store.files.local(model.digest));
  });
  return router;
}

function sendModel(
  response: Response,
  { name, digest }: { readonly name: string; readonly digest: string },
  path: string,
): Promise<void> {
  response.attachment(`${name}.onnx`).type('application/octet-stream').set('ETag', `"${digest}"`);
  return new Promise((resolve, reject) => {
    response.sendFile(
      path,
      { dotfiles: 'allow', cacheControl: false, lastModified: false },
      (error) => (error ? reject(error) : resolve()),
    );
  });
}

function shippedResource({ name, digest, card, size, graph }: ShippedModel): ModelResource {
  const self = `/v1/models/${name}`;
  return {
    id: name,
    digest,
    name,
    owner: servicePrincipal.owner,
    group: null,
    visibility: 'public',
    size,
    ...factsShown(factsOf(card, parametersIn(graph))),
    card: { ...card },
    graph: graph as ModelResource['graph'],
    warnings: warningsOf(cardWarnings(card)),
    createdAt: null,
    links: { self, layers: `${self}/layers`, content: `${self}/content` },
  };
}

const parametersIn = (graph: unknown) => (graph as { readonly parameters?: number }).parameters;

/** A model as HTTP shows it. */
export function resource(model: ModelRecord): ModelResource {
  const self = `/v1/models/${model.id}`;
  return {
    id: model.id,
    digest: model.digest,
    name: model.name,
    owner: model.owner,
    group: model.group,
    visibility: model.visibility,
    size: model.size,
    ...factsShown(model.facts),
    card: model.card as ModelResource['card'],
    graph: model.graph as ModelResource['graph'],
    warnings: warningsOf(remarksOn(model)),
    createdAt: model.createdAt.toISOString(),
    links: { self, layers: `${self}/layers`, content: `${self}/content` },
  };
}

/**
 * A model as its registration is answered: with remarks on the text of its card, which is not kept, on layers that its graph does
 * not have, and on other registrations beside it.
 */
export function registration(
  model: ModelRecord,
  cardText = '',
  found: readonly CardWarning[] = [],
): ModelResource {
  const registered = resource(model);
  const open = warningsOf(unfinishedLines(cardText));
  return { ...registered, warnings: [...open, ...registered.warnings, ...warningsOf(found)] };
}

/** What is most likely wrong in the card of a model, by itself and beside its graph. */
function remarksOn({ name, card, graph }: ModelRecord): CardWarning[] {
  const of = card as ModelCard | null;
  // A card that another version stored is shown, whatever it lacks.
  if (!of?.input?.mean) return [];
  const { inputs = [] } = graph as { readonly inputs?: readonly ModelValue[] };
  return [...cardWarnings(of), ...inputWarnings(inputs, of, name)];
}

const warningsOf = (warnings: readonly CardWarning[]): ModelResource['warnings'] =>
  warnings.map(({ code, detail }) => ({ code, detail }));

const isName = (name: string) =>
  name.length >= 1 && name.length <= 200 && !/^\ufeff|\p{Cc}/u.test(name);
