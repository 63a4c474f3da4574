import { join } from 'node:path';
import compression from 'compression';
import express, { type Request, type RequestHandler, Router } from 'express';
import { html } from '../../report/html.js';
import { localPrincipal } from '../../store/records/principal.js';
import { pagePaths } from '../http/page-paths.js';
import { sentSession } from '../http/session-cookie.js';
import type { ServiceContext } from '../registry/context.js';
import type { LeaderboardService } from '../registry/leaderboard-service.js';
import { builtFolder, builtPage } from './built-page.js';
import { firstPages } from './first-pages.js';

/**
 * The browser application: its one document at every address of a page, and its files, whose names change with
 * their content. The document says what the page holds; where no key is needed with its numbers, that of `/` with the
 * leaderboard.
 * @param description `openapi.yaml`
 */
export function webRoutes(
  context: ServiceContext,
  leaderboard: LeaderboardService,
  description: object,
): Router {
  const { store, loopback } = context;
  const document = builtPage('index.html');
  const first = firstPages(context, leaderboard, description);
  const router = Router();
  router.use(
    '/assets',
    compression(),
    express.static(join(builtFolder, 'assets'), { immutable: true, maxAge: '1y', index: false }),
  );
  // The page is served even if the database is down: it reports that itself.
  const keysRequired = () =>
    store.credentials.required().then(
      (required) => ({ required: required || !loopback, certain: true }),
      () => ({ required: !loopback, certain: false }),
    );
  const page: RequestHandler = async (request, response) => {
    const { required, certain } = await keysRequired();
    const { searchParams } = new URL(request.originalUrl, 'http://localhost');
    const asking = required || !certain ? undefined : localPrincipal;
    const { status, title, content, after = '' } = await first(request.path, searchParams, asking);
    response
      .status(status)
      .set('Cache-Control', 'private, no-cache')
      .type('html')
      .send(
        document
          .replace(
            'name="ventral-keys" content="none"',
            `name="ventral-keys" content="${required ? signedIn(request) : 'none'}"`,
          )
          .replace(/<title>[^<]*/, () => String(html`<title>${title} · ventral`))
          .replace('<!--first-->', () => `${content}${after}`),
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
