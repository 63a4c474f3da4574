import type { RequestHandler } from 'express';

/** Gives a page of a list that goes on a `Link` to the next one, beside `next` in its body (RFC 8288). */
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
