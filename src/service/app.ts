import { randomUUID } from 'node:crypto';
import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { VentralError } from '../errors/ventral-error.js';
import { apiDescription } from '../formats/api-description.js';
import { GENEROUS_RATE } from '../store/records/quota.js';
import { Authentication } from './http/authentication.js';
import { entityTag, privateCache } from './http/entity-tags.js';
import { fairTurns } from './http/fair-turns.js';
import { followsDescription } from './http/follows-description.js';
import { idempotency, sameBody } from './http/idempotency.js';
import { jsonBody } from './http/json-body.js';
import { openRequests } from './http/open-requests.js';
import { pageLinks } from './http/page-links.js';
import { problemHandler } from './http/problem.js';
import { rateLimits } from './http/rate-limits.js';
import { slicedAnswers } from './http/sliced-answers.js';
import { docsRoutes } from './pages/docs-routes.js';
import { documentRoutes } from './pages/document-routes.js';
import { missingBefore, missingPages } from './pages/missing-pages.js';
import { webRoutes } from './pages/web-routes.js';
import type { ServiceContext } from './registry/context.js';
import { CorrelationService } from './registry/correlation-service.js';
import { DifferenceService } from './registry/difference-service.js';
import { LeaderboardService } from './registry/leaderboard-service.js';
import { RankHistoryService } from './registry/rank-history-service.js';
import { RegionService } from './registry/region-service.js';
import { activationRoutes, activationUpload } from './routes/activation-routes.js';
import { backupRoutes } from './routes/backup-routes.js';
import { benchmarkDataRoutes } from './routes/benchmark-data-routes.js';
import { benchmarkRoutes, benchmarkUpload } from './routes/benchmark-routes.js';
import { checkpointRoutes } from './routes/checkpoint-routes.js';
import { differenceRoutes } from './routes/difference-routes.js';
import { eventRoutes } from './routes/event-routes.js';
import { featureRoutes, uploadPiece } from './routes/features/feature-routes.js';
import { inputRoutes } from './routes/features/input-routes.js';
import { fileRoutes, fileUpload } from './routes/file-routes.js';
import { fsckRoutes } from './routes/fsck-routes.js';
import { keyRoutes } from './routes/key-routes.js';
import { layerMapRoutes } from './routes/layer-map-routes.js';
import { leaderboardRoutes } from './routes/leaderboard-routes.js';
import { modelRoutes, modelUpload } from './routes/model-routes.js';
import { packageCheck, packageQueue, packageRoutes } from './routes/package-routes.js';
import { queueRoutes } from './routes/queue-routes.js';
import { receiptRoutes } from './routes/receipt-routes.js';
import { scoreRoutes } from './routes/score-routes.js';
import { sessionRoutes } from './routes/session-routes.js';
import { statusRoutes } from './routes/status-routes.js';
import { recipeRoutes } from './routes/training-recipes.js';
import { trainingRoutes } from './routes/training-routes.js';
import { workerRoutes } from './routes/worker-routes.js';
import { continueBody } from './upload/upload-space.js';

/** How strict the application is beside its contract. */
export interface AppOptions {
  /** Checks every answer against `openapi.yaml` too, as the tests do. */
  readonly validateResponses?: boolean;
  /** Requests a minute of one key, or of one address without keys. */
  readonly rateLimit?: number;
  /** Milliseconds between the signs of life of a stream of events, for tests. */
  readonly heartbeat?: number;
}

/** Maximum body of a sign-in request, which is not authenticated. */
const SIGN_IN_LIMIT = 2048;
/** Ample time for a body of this size. */
const BODY_MS = 60_000;

/** The express application that `openapi.yaml` describes. */
export function createApp(context: ServiceContext, options: AppOptions = {}): Express {
  const { text, document: api } = apiDescription();
  const leaderboard = new LeaderboardService(context);
  const packages = packageQueue(context);
  const app = express();
  app.disable('x-powered-by').set('etag', entityTag).set('query parser', 'simple');
  app.use(
    requestId,
    requestLog(context),
    context.metrics.measure(),
    securityHeaders(),
    slicedAnswers,
  );
  const authentication = new Authentication(context);
  app.use(namesHost, missingBefore(), authentication.handler(), fairTurns());
  app.use(storablePath, shortContentType);
  app.use(webRoutes(context, leaderboard, api), documentRoutes(), missingPages());
  app.use(
    '/v1',
    openRequests(),
    rateLimits(options.rateLimit ?? GENEROUS_RATE, context),
    privateCache,
    docsRoutes(text),
  );
  app.use(idempotency(context));
  // An upload streams to disk: neither the body parser nor the validator may see it.
  app.post('/v1/models', modelUpload(context));
  app.post('/v1/benchmarks', benchmarkUpload(context));
  app.post('/v1/activations', activationUpload(context));
  app.post('/v1/packages/check', packageCheck(context, packages));
  app.put('/v1/files/:digest', fileUpload(context));
  app.patch('/v1/uploads/:upload', uploadPiece(context));
  app.post('/v1/session', continued, promptBody, jsonBody(SIGN_IN_LIMIT));
  app.use('/v1', headAsGet, pageLinks, continued, promptBody, jsonBody());
  app.use(followsDescription(api, options));
  app.use(
    '/v1',
    sameBody,
    modelRoutes(context, new RegionService(context.store, context.models, leaderboard)),
    // Before `/benchmarks/{benchmark}`.
    leaderboardRoutes(
      leaderboard,
      new RankHistoryService(context),
      new CorrelationService(leaderboard),
    ),
    benchmarkRoutes(context),
    benchmarkDataRoutes(context),
    featureRoutes(context),
    inputRoutes(context),
    scoreRoutes(context),
    receiptRoutes(context),
    layerMapRoutes(context),
    recipeRoutes(),
    trainingRoutes(context),
    checkpointRoutes(context),
    eventRoutes(context, options.heartbeat),
    differenceRoutes(new DifferenceService(context.store, leaderboard)),
    queueRoutes(context),
    activationRoutes(context),
    packageRoutes(context, packages),
    keyRoutes(context),
    backupRoutes(context),
    fileRoutes(context),
    fsckRoutes(context),
    workerRoutes(context),
    sessionRoutes(context, authentication),
    statusRoutes(context),
  );
  app.use(notFound, problemHandler(context.log, context.home));
  return app;
}

const requestId: RequestHandler = (_request, response, next) => {
  response.locals.requestId = randomUUID();
  // A dozen layers each wait for its end once.
  response.setMaxListeners(20);
  response.set('X-Request-Id', response.locals.requestId);
  next();
};

function requestLog({ log }: ServiceContext): RequestHandler {
  return (request, response, next) => {
    const start = performance.now();
    response.once('close', () => {
      const { method, originalUrl } = request;
      const milliseconds = Math.round(performance.now() - start);
      log.debug(
        {
          requestId: response.locals.requestId,
          method,
          url: originalUrl,
          status: response.statusCode,
          milliseconds,
        },
        'Answered',
      );
    });
    next();
  };
}

/** Content-Security-Policy as design §7; the other headers are helmet's, without those that only https knows. */
function securityHeaders(): RequestHandler {
  const others = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: contentSecurityPolicy },
    strictTransportSecurity: false,
  });
  return (request, response, next) => {
    response.set('Permissions-Policy', permissionsPolicy);
    others(request, response, next);
  };
}

/** The pages need none of these features, so injected code gets none either. */
const permissionsPolicy = [
  'camera',
  'display-capture',
  'geolocation',
  'microphone',
  'payment',
  'usb',
]
  .map((name) => `${name}=()`)
  .join(', ');

const contentSecurityPolicy = {
  defaultSrc: ["'self'"],
  objectSrc: ["'none'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
  formAction: ["'self'"],
};

/** Whoever comes here is authenticated, and its body is small. */
const continued: RequestHandler = (request, response, next) => {
  continueBody(request, response);
  next();
};

/** Cuts a client off that sends a byte now and then; uploads, which may take their time, do not come here. */
const promptBody: RequestHandler = (request, response, next) => {
  const timer = setTimeout(() => request.complete || request.destroy(), BODY_MS).unref();
  response.once('close', () => clearTimeout(timer));
  next();
};

/** HEAD is GET without its body, which node omits; the description lists only GET. */
const headAsGet: RequestHandler = (request, _response, next) => {
  if (request.method === 'HEAD') request.method = 'GET';
  next();
};

/** RFC 9112 §3.2: HTTP/1.1 without a Host is answered with 400. */
const namesHost: RequestHandler = (request, _response, next) => {
  if (request.headers.host === undefined && request.httpVersion === '1.1') {
    throw new VentralError('invalid-request', 'The request has no Host header');
  }
  next();
};

const storablePath: RequestHandler = (request, _response, next) => {
  if (request.url.includes('%00')) {
    throw new VentralError('invalid-request', 'The URL contains a NUL');
  }
  next();
};

/** Characters of a media type with its parameters; the boundary of a form has 70 at most (RFC 2046). */
const CONTENT_TYPE = 1000;

/** Its readers take time to the square of its length. */
const shortContentType: RequestHandler = (request, _response, next) => {
  if ((request.headers['content-type'] ?? '').length > CONTENT_TYPE) {
    const sentence = `Content-Type: expected at most ${CONTENT_TYPE} characters`;
    throw new VentralError('invalid-request', sentence, { field: '/header/Content-Type' });
  }
  next();
};

const notFound: RequestHandler = (request) => {
  throw Object.assign(new Error('Resource not found'), { status: 404, path: request.path });
};
