import type { RequestHandler } from 'express';
import { html } from '../../report/html.js';
import { documentPaths, pagePaths } from '../http/page-paths.js';
import { builtPage } from './built-page.js';
import { missing } from './first-pages.js';
import { framed } from './frame.js';

/** Below these something else answers. */
const others = /^\/(?:v1|assets)(?:\/|$)/i;

/** Answers a browser at an address that nothing has with a page; other clients get a problem document. */
export function missingPages(): RequestHandler {
  const { title, content } = missing('There is nothing at this address.');
  const page = builtPage('docs.html')
    .replace('<!--title-->', () => String(html`${title} · ventral`))
    .replace('<!--first-->', () => String(framed('', content)));
  return (request, response, next) => {
    const { method, path } = request;
    const known = [others, pagePaths].some((paths) => paths.test(path));
    const reads = method === 'GET' || method === 'HEAD';
    if (known || !reads || request.accepts(['json', 'html']) !== 'html') return next();
    response.status(404).set('Cache-Control', 'no-store').type('html').send(page);
  };
}

/** The same where no document answers, before anybody is asked who they are. */
export function missingBefore(): RequestHandler {
  const answer = missingPages();
  return (request, response, next) =>
    documentPaths.test(request.path) ? next() : answer(request, response, next);
}
