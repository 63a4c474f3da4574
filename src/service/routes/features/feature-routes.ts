import { type RequestHandler, Router } from 'express';
import type { components } from '../../../api/schema.js';
import { VentralError } from '../../../errors/ventral-error.js';
import type {
  FeatureDescription,
  FeatureRecord,
  UploadState,
} from '../../features/feature-service.js';
import { clientOf } from '../../http/client.js';
import { requireMatch } from '../../http/entity-tags.js';
import { principalOf } from '../../http/principal-of.js';
import { readPage } from '../../http/read-page.js';
import type { ServiceContext } from '../../registry/context.js';
import { continueBody } from '../../upload/upload-space.js';

type FeaturesResource = components['schemas']['Features'];
type UploadResource = components['schemas']['Upload'];

/** PATCH `/uploads/{upload}`: the next piece of an upload streams to disk. */
export function uploadPiece({ features }: ServiceContext): RequestHandler {
  return async (request, response) => {
    const offset = request.query.offset;
    if (typeof offset !== 'string' || !/^\d{1,15}$/.test(offset)) {
      throw new VentralError('invalid-request', 'offset: expected the number of bytes before', {
        field: '/query/offset',
      });
    }
    if (!request.is('application/octet-stream')) {
      const found = request.get('Content-Type') ?? '';
      const sentence = `Expected application/octet-stream, found "${found.slice(0, 100)}"`;
      throw new VentralError('unsupported-media-type', sentence);
    }
    const by = principalOf(response);
    const { upload: id } = request.params as { upload: string };
    await features.upload(by, id);
    continueBody(request, response);
    response.json(uploadShown(await features.append(by, id, Number(offset), request)));
  };
}

/** `/uploads` and `/features`: what layers gave elsewhere, for scores in place of a model. */
export function featureRoutes(context: ServiceContext): Router {
  const { features, store } = context;
  const router = Router();
  router.post('/uploads', async (request, response) => {
    const asked = request.body as components['schemas']['UploadRequest'];
    const upload = uploadShown(await features.open(principalOf(response), asked));
    response.status(201).location(upload.links.self).json(upload);
  });
  router.get('/uploads/:upload', async (request, response) => {
    response.json(uploadShown(await features.upload(principalOf(response), request.params.upload)));
  });
  router.delete('/uploads/:upload', async (request, response) => {
    await features.drop(principalOf(response), request.params.upload);
    response.status(204).end();
  });
  router.get('/features', async (request, response) => {
    const { digest } = request.query as { digest?: string };
    const page = readPage(request.query);
    const by = principalOf(response);
    const { items, next } = await store.models.list(by, page, digest, 'features');
    const shown = items.map(({ card: _card, graph, ...others }) =>
      featuresShown({ ...others, summary: graph as FeatureRecord['summary'] }),
    );
    response.json({ items: shown, next } satisfies components['schemas']['FeaturesPage']);
  });
  router.post('/features', async (request, response) => {
    const { upload, ...asked } = request.body as components['schemas']['FeaturesRequest'];
    const made = await features.register(clientOf(response), upload, asked as FeatureDescription);
    const shown = featuresShown(made.features);
    response
      .status(made.created ? 201 : 200)
      .location(shown.links.self)
      .json(shown);
  });
  router.get('/features/:features', async (request, response) => {
    response.json(
      featuresShown(await features.get(principalOf(response), request.params.features)),
    );
  });
  router.patch('/features/:features', async (request, response) => {
    const change = request.body as components['schemas']['FeaturesChange'];
    const changed = await features.change(
      principalOf(response),
      request.params.features,
      change,
      (now) => requireMatch(request, featuresShown(now)),
    );
    response.json(featuresShown(changed));
  });
  router.delete('/features/:features', async (request, response) => {
    await features.remove(principalOf(response), request.params.features, (now) =>
      requireMatch(request, featuresShown(now)),
    );
    response.status(204).end();
  });
  router.get('/features/:features/content', async (request, response) => {
    const found = await features.get(principalOf(response), request.params.features);
    const path = await features.content(found);
    const { format } = found.summary;
    response.attachment(`${found.name}.${format}`).type('application/octet-stream');
    response.set('ETag', `"${found.digest}"`);
    const options = { dotfiles: 'allow', cacheControl: false, lastModified: false } as const;
    await new Promise<void>((resolve, reject) => {
      response.sendFile(path, options, (error) => (error ? reject(error) : resolve()));
    });
  });
  return router;
}

function uploadShown({ id, digest, size, offset, expiresAt }: UploadState): UploadResource {
  const links = { self: `/v1/uploads/${id}` };
  return { id, digest, size, offset, expiresAt: expiresAt.toISOString(), links };
}

/** Features as HTTP shows them. */
function featuresShown({ summary, createdAt, ...record }: FeatureRecord): FeaturesResource {
  const { id, digest, name, owner, group, visibility, size } = record;
  const { format, stimuli, layers, madeBy } = summary;
  const self = `/v1/features/${id}`;
  return {
    ...{ id, digest, name, owner, group, visibility, size },
    ...{ format, stimuli, madeBy },
    layers: layers.map(({ name, units }) => ({ name, units })),
    createdAt: createdAt.toISOString(),
    links: { self, content: `${self}/content` },
  };
}
