import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import compression from 'compression';
import express, { type Request, type RequestHandler, Router } from 'express';
import { VentralError } from '../../errors/ventral-error.js';
import { packageRoot } from '../../formats/package-root.js';
import { pagePaths } from '../http/page-paths.js';
import { sentSession } from '../http/session-cookie.js';
import type { ServiceContext } from '../registry/context.js';
import type { LeaderboardService } from '../registry/leaderboard-service.js';
import { firstLeaderboard } from './leaderboard-first.js';

const folder = join(packageRoot, 'dist', 'web');

/**
 * The browser application: its one document at every address of a page, and its files, whose names change with
 * their content. Where no key is needed the document of `/` holds the leaderboard already.
 * @param description `openapi.yaml`
 */
export function webRoutes(
  { store, loopback, log }: ServiceContext,
  leaderboard: LeaderboardService,
  description: object,
): Router {
  const document = readDocument();
  const first = firstLeaderboard(leaderboard, description);
  const router = Router();
  router.use(
    '/assets',
    compression(),
    express.static(join(folder, 'assets'), { immutable: true, maxAge: '1y', index: false }),
  );
  // The page is served even if the database is down: it reports that itself.
  const keysRequired = () =>
    store.credentials.required().then(
      (required) => required || !loopback,
      () => !loopback,
    );
  const firstSight = async ({ path, originalUrl }: Request) => {
    if (path !== '/') return '';
    const { searchParams } = new URL(originalUrl, 'http://localhost');
    return first(searchParams).catch((error) => {
      log.warn({ err: error }, 'Rendering the first leaderboard failed');
      return '';
    });
  };
  const page: RequestHandler = async (request, response) => {
    const required = await keysRequired();
    const content = required ? '' : await firstSight(request);
    response
      .set('Cache-Control', 'private, no-cache')
      .type('html')
      .send(
        document
          .replace(
            'name="ventral-keys" content="none"',
            `name="ventral-keys" content="${required ? signedIn(request) : 'none'}"`,
          )
          .replace('<!--first-->', () => content),
      );
  };
  router.get(pagePaths, compression(), page);
  return router;
}

/**
 * Whether the browser of the page has a session, where keys are needed. A link on
 * another site brings no cookie (SameSite), whether there is one or not.
 */
function signedIn(request: Request): 'session' | 'required' | 'unknown' {
  if (sentSession(request) !== undefined) return 'session';
  const site = request.headers['sec-fetch-site'];
  return site === 'none' || site === 'same-origin' ? 'required' : 'unknown';
}

function readDocument(): string {
  const path = join(folder, 'index.html');
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new VentralError(
      'internal',
      `The browser application is not built: ${path} (npm run build)`,
      {
        cause: error,
      },
    );
  }
}
