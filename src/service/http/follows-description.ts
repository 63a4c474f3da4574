import { type RequestHandler, Router } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
import { hasManyValues } from './json-body.js';
import { RequestProblem } from './problem.js';

/**
 * Validates requests (and answers, if requested) against the description. All errors of a request are reported;
 * for a body with thousands of values only the first, because reporting a hundred thousand takes seconds.
 * @param api `openapi.yaml`
 */
export function followsDescription(
  api: object,
  { validateResponses = false }: { readonly validateResponses?: boolean },
): RequestHandler {
  const described = validateResponses ? api : withoutAnswers(api as Description);
  const validator = (allErrors: boolean) =>
    Router().use(
      OpenApiValidator.middleware({
        // It modifies its argument.
        apiSpec: structuredClone(described) as never,
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
    const checked = (error?: unknown) => next(error ?? infiniteNumber(request.query));
    if (!hasManyValues(request)) return thorough(request, response, checked);
    quick ??= validator(false);
    return quick(request, response, checked);
  };
}

type Parts = Readonly<Record<string, Readonly<Record<string, object>>>>;

/** What of a description is read here: the operations of each path, by method, and what they share, by kind. */
interface Description {
  readonly paths: Parts;
  readonly components: Parts;
}

/** A description that says nothing of answers: to prepare their schemas takes a fifth of the start. */
function withoutAnswers(api: Description): Description {
  const short = (part: object) => ('responses' in part ? { ...part, responses: {} } : part);
  const paths = mapped(api.paths, short);
  const { securitySchemes } = api.components;
  return { ...api, paths, components: { ...namedBy(paths, api.components), securitySchemes } };
}

/** The components that something names, and those that these name. */
function namedBy(something: object, components: Parts): Parts {
  const found: Record<string, Record<string, object>> = {};
  const texts = [JSON.stringify(something)];
  for (const text of texts) {
    for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/([\w.-]+)/g)) {
      const one = components[kind]?.[name];
      found[kind] ??= {};
      if (one === undefined || name in found[kind]) continue;
      found[kind][name] = one;
      texts.push(JSON.stringify(one));
    }
  }
  return found;
}

const mapped = (parts: Parts, change: (part: object) => object): Parts =>
  Object.fromEntries(
    Object.entries(parts).map(([path, each]) => [
      path,
      Object.fromEntries(Object.entries(each).map(([name, part]) => [name, change(part)])),
    ]),
  );

/**
 * The refusal of a number of a query that is too large to be one, such as 1e400: a validator that turns text into numbers makes
 * infinity of it, which no bound of a schema is compared with.
 */
export function infiniteNumber(query: object): RequestProblem | undefined {
  const [found] = Object.entries(query).filter(([, value]) =>
    [value].flat().some((each) => typeof each === 'number' && !Number.isFinite(each)),
  );
  if (!found) return undefined;
  const detail = `${found[0]} must be a finite number`;
  return new RequestProblem('invalid-request', detail, {
    parts: [{ pointer: `/query/${found[0]}`, detail }],
  });
}
