import { join } from 'node:path';
import { Router } from 'express';
import { packageRoot } from '../../formats/package-root.js';

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ventral: API reference</title>
<link rel="stylesheet" href="/v1/docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<script src="/v1/docs/swagger-ui-bundle.js"></script>
<script src="/v1/docs/start.js"></script>
</body>
</html>
`;

/** The interactive reference uses the session of the page. */
const start = `SwaggerUIBundle({
  url: '/v1/openapi.yaml',
  dom_id: '#reference',
  deepLinking: true,
  requestInterceptor: (request) => {
    request.headers['X-Requested-With'] = 'ventral';
    return request;
  },
});
`;

/** Files of Swagger UI, which the build copies from its package. */
const assets = ['swagger-ui.css', 'swagger-ui-bundle.js'];

/** `/docs`, with Swagger UI, and `/openapi.yaml` as it is written. */
export function docsRoutes(description: string): Router {
  const router = Router();
  const folder = join(packageRoot, 'dist', 'swagger-ui');
  router.get('/openapi.yaml', (_request, response) => {
    response.type('application/yaml').send(description);
  });
  router.get('/docs', (_request, response) => {
    // Swagger UI styles its elements inline and draws its icons from data: addresses; only here may it.
    const policy = String(response.get('Content-Security-Policy'));
    response.set(
      'Content-Security-Policy',
      `${policy};style-src 'self' 'unsafe-inline';img-src 'self' data:`,
    );
    response.type('html').send(page);
  });
  router.get('/docs/start.js', (_request, response) => {
    response.type('application/javascript').send(start);
  });
  for (const asset of assets) {
    router.get(`/docs/${asset}`, (_request, response) =>
      response.sendFile(join(folder, asset), { cacheControl: false }),
    );
  }
  return router;
}
