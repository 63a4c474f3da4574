import compression from 'compression';
import { type Response, Router } from 'express';
import { type Html, html } from '../../report/html.js';
import { builtPage } from './built-page.js';
import { DocumentLibrary } from './documents/library.js';
import type { Heading } from './documents/markdown.js';
import { type Found, MOST_FOUND } from './documents/search-index.js';
import { framed } from './frame.js';

/** Characters of a query that are looked at. */
const LONGEST_QUERY = 200;

/**
 * `/docs`: the documents of the project as pages, complete without scripts, and the search over them. They depend on
 * nobody, so that they need no key.
 */
export function documentRoutes(): Router {
  const library = new DocumentLibrary();
  const template = builtPage('docs.html');
  const send = (response: Response, title: string, content: Html) =>
    response
      .set('Cache-Control', 'no-cache')
      .type('html')
      .send(
        template
          .replace('<!--title-->', () => String(html`${title} · ventral`))
          .replace('<!--first-->', () =>
            String(framed('/docs', html`<div class="document">${content}</div>`)),
          ),
      );
  const router = Router();
  router.get('/docs', compression(), async (request, response) => {
    const asked = request.query.q;
    const query = (typeof asked === 'string' ? asked : '').trim().slice(0, LONGEST_QUERY);
    if (query === '') {
      const { body } = await library.contents();
      return send(response, 'Documentation', html`<h1>Documentation</h1>${searchForm()}${body}`);
    }
    const found = (await library.index()).search(query);
    send(response, `${query} · Documentation`, results(query, found));
  });
  router.get('/docs/:name', compression(), async (request, response, next) => {
    const name = String(request.params.name);
    const asked = name.endsWith('.md') ? name.slice(0, -3) : name;
    const document = await library.document(asked);
    if (document === undefined) return next();
    if (asked !== name) return response.redirect(301, `/docs/${asked}`);
    const { title, body, headings } = document;
    send(response, title, html`${searchForm()}${contents(headings)}${body}`);
  });
  router.get('/docs/images/:name', (request, response, next) => {
    const path = library.image(request.params.name);
    if (path === undefined) return next();
    response.sendFile(path, { cacheControl: false });
  });
  return router;
}

const searchForm = (query = '') =>
  html`<search><form action="/docs" class="controls"><label>Search the documentation<input type="search" name="q" maxlength="${LONGEST_QUERY}" value="${query}"></label><button>Search</button></form></search>`;

const results = (query: string, found: readonly Found[]) =>
  html`<h1>Documentation</h1>${searchForm(query)}<p role="status">${
    found.length === 0
      ? html`Nothing found for “${query}”. <a href="/docs">All documents</a>`
      : html`${found.length === MOST_FOUND && 'The best '}${found.length} ${found.length === 1 ? 'section' : 'sections'}, best match first. <a href="/docs">All documents</a>`
  }</p><ol class="found">${found.map(
    ({ address, document, heading, excerpt }) =>
      html`<li><a href="${address}">${heading}</a>${heading !== document && html` <span class="quiet">${document}</span>`}<p>${excerpt.map(({ text, hit }) => (hit ? html`<mark>${text}</mark>` : text))}</p></li>`,
  )}</ol>`;

/** The headings of a document, where there are enough of them to need a list. */
function contents(headings: readonly Heading[]): Html | false {
  const shown = headings.filter(({ depth }) => depth === 2);
  return (
    shown.length > 2 &&
    html`<nav aria-label="On this page"><details><summary>On this page</summary><ul>${shown.map(({ text, anchor }) => html`<li><a href="#${anchor}">${text}</a></li>`)}</ul></details></nav>`
  );
}
