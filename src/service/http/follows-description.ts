import { type RequestHandler, Router } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
import { hasManyValues } from './json-body.js';

/**
 * Validates requests (and answers, if requested) against the description. All errors of a request are reported;
 * for a body with thousands of values only the first, because reporting a hundred thousand takes seconds.
 * @param api `openapi.yaml`
 */
export function followsDescription(
  api: object,
  { validateResponses = false }: { readonly validateResponses?: boolean },
): RequestHandler {
  const validator = (allErrors: boolean) =>
    Router().use(
      OpenApiValidator.middleware({
        // It modifies its argument.
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
