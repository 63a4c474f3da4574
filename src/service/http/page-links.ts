import type { Request, RequestHandler, Response } from 'express';

/** Adds a `Link` to the next page of a list, beside `next` in the body (RFC 8288). */
export const pageLinks: RequestHandler = (request, response, next) => {
  const json = response.json.bind(response);
  response.json = (body: unknown) => {
    const cursor = (body as { next?: unknown } | null)?.next;
    if (request.method === 'GET' && typeof cursor === 'string') linkNext(request, response, cursor);
    return json(body);
  };
  next();
};

/** Links the page that begins at a cursor: the same request, but for the cursor. */
export function linkNext(request: Request, response: Response, cursor: string): void {
  const url = new URL(request.originalUrl, 'http://localhost');
  url.searchParams.set('cursor', cursor);
  response.links({ next: `${url.pathname}${url.search}` });
}
