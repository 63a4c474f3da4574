import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { apiDescription } from '../../../src/formats/api-description.js';
import { followsDescription } from '../../../src/service/http/follows-description.js';
import { jsonBody } from '../../../src/service/http/json-body.js';
import { operations } from '../../fuzz/description.js';
import { Dice } from '../../fuzz/dice.js';
import { rightBody } from '../../fuzz/request-cases.js';

/** Says which request it lets through, and why it refuses another. */
async function validating(validateResponses: boolean): Promise<Server> {
  const app = express();
  app.set('query parser', 'simple');
  app.use('/v1', jsonBody(), (request, _response, next) => {
    // The middleware compares whole paths.
    request.url = request.originalUrl;
    next();
  });
  app.use(followsDescription(apiDescription().document, { validateResponses }));
  app.use(((error, _request, response, _next) => {
    const { status, errors, message } = error as {
      status?: number;
      errors?: object;
      message: string;
    };
    response.statusCode = status ?? 500;
    response.end(JSON.stringify({ message, errors }));
  }) satisfies express.ErrorRequestHandler);
  app.use((request, response) => response.end(JSON.stringify([request.query, request.body])));
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

let servers: Server[];
beforeAll(async () => {
  servers = [await validating(false), await validating(true)];
});
afterAll(() => {
  for (const server of servers) server.close();
});

const json = { 'Content-Type': 'application/json' };

/** What each of both answers. */
const answers = (method: string, path: string, body?: unknown) =>
  Promise.all(
    servers.map(async (server) => {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1${path}`;
      const sent = body === undefined ? {} : { headers: json, body: JSON.stringify(body) };
      const answer = await fetch(url, { method, ...sent });
      return { status: answer.status, text: await answer.text() };
    }),
  );

it.each(operations.map((each) => [`${each.method} ${each.path}`, each] as const))(
  '%s is checked alike with and without what the description says of answers',
  async (name, operation) => {
    const seen = new Set<number>();
    const { method, takes } = operation;
    const path = operation.path.replaceAll(/\{[^}]+\}/g, 'none');
    const withJson = 'application/json' in takes;
    const bodies = withJson
      ? [
          {},
          [],
          { none: 1 },
          null,
          ...[1, 2, 3].map((seed) => rightBody(operation, new Dice(seed), {})),
        ]
      : [undefined];
    for (const query of ['', '?limit=-1', '?limit=x&none=1', '?state=none']) {
      for (const body of bodies) {
        const [plain, whole] = await answers(method, `${path}${query}`, body);
        expect(plain, `${name}${query}`).toEqual(whole);
        seen.add(plain.status);
      }
    }
    // An upload is refused for its media type.
    expect([...seen].some((status) => [400, 415].includes(status))).toBe(true);
    expect(seen).not.toContain(500);
  },
);
