import type { RequestHandler } from 'express';

/** Adds a `Link` to the next page of a list, beside `next` in the body (RFC 8288). */
export const pageLinks: RequestHandler = (request, response, next) => {
  const json = response.json.bind(response);
  response.json = (body: unknown) => {
    const cursor = (body as { next?: unknown } | null)?.next;
    if (request.method === 'GET' && typeof cursor === 'string') {
      const url = new URL(request.originalUrl, 'http://localhost');
      url.searchParams.set('cursor', cursor);
      response.links({ next: `${url.pathname}${url.search}` });
    }
    return json(body);
  };
  next();
};
