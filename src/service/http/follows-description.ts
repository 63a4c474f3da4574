import { type RequestHandler, Router } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
import { hasManyValues } from './json-body.js';

/**
 * Checks requests, and answers where that is asked for, against the description. All faults of a request are told; of a
 * body with thousands of values the first alone, because a hundred thousand faults take seconds to tell.
 * @param api `openapi.yaml`
 */
export function followsDescription(
  api: object,
  { validateResponses = false }: { readonly validateResponses?: boolean },
): RequestHandler {
  const validator = (allErrors: boolean) =>
    Router().use(
      OpenApiValidator.middleware({
        // It writes into what it is given.
        apiSpec: structuredClone(api) as never,
        validateApiSpec: false,
        validateRequests: { allowUnknownQueryParameters: false, allErrors },
        validateResponses,
        validateSecurity: false,
        fileUploader: false,
        ignorePaths: (path: string) => !path.startsWith('/v1'),
      }),
    );
  const thorough = validator(true);
  let quick: Router | undefined;
  return (request, response, next) => {
    if (!hasManyValues(request)) return thorough(request, response, next);
    quick ??= validator(false);
    return quick(request, response, next);
  };
}
