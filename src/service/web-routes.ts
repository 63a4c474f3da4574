import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import compression from 'compression';
import express, { type RequestHandler, Router } from 'express';
import { VentralError } from '../errors/ventral-error.js';
import { packageRoot } from '../formats/package-root.js';
import type { ServiceContext } from './context.js';

/** Addresses of the browser application's pages; what they show is asked of `/v1` by the pages themselves. */
export const pagePaths =
  /^\/(?:(?:compare|benchmarks|submit|trainings|admin)?|(?:models|benchmarks|scores|layer-maps|trainings)\/[^/]+)$/;

const folder = join(packageRoot, 'dist', 'web');

/** The browser application: its one document at every address of a page, and its files, whose names change with their content. */
export function webRoutes({ store, loopback }: ServiceContext): Router {
  const document = readDocument();
  const router = Router();
  router.use(
    '/assets',
    compression(),
    express.static(join(folder, 'assets'), { immutable: true, maxAge: '1y', index: false }),
  );
  const page: RequestHandler = async (_request, response) => {
    // The page is there also while the database is not: it then says so itself.
    const { required } = await store.keys.admit(undefined).catch(() => ({ required: false }));
    const keys = required || !loopback ? 'required' : 'none';
    response
      .set('Cache-Control', 'private, no-cache')
      .type('html')
      .send(
        document.replace(
          'name="ventral-keys" content="none"',
          `name="ventral-keys" content="${keys}"`,
        ),
      );
  };
  router.get(pagePaths, compression(), page);
  return router;
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
