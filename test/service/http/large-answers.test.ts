import { createHash } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { entityTag } from '../../../src/service/http/entity-tags.js';
import { slicedAnswers, slicedTag } from '../../../src/service/http/sliced-answers.js';
import { callUrl } from '../running-service.js';

const large = {
  at: new Date(0),
  items: Array.from({ length: 40_000 }, (_, i) => ({ i, é: i / 7 })),
};
const huge = { items: Array.from({ length: 400_000 }, (_, i) => ({ i, é: i / 7 })) };
const bodies: Readonly<Record<string, unknown>> = { huge, large, small: { a: 1 } };

let servers: Server[];
beforeAll(() => {
  servers = [true, false].map((sliced) => {
    const app = express().set('etag', entityTag);
    if (sliced) app.use(slicedAnswers);
    app.get('/:name', (request, response) => void response.json(bodies[request.params.name]));
    app.post(
      '/:name',
      (request, response) => void response.status(202).json(bodies[request.params.name]),
    );
    return app.listen(0, '127.0.0.1');
  });
});
afterAll(() => {
  for (const server of servers) server.close();
});

const ask = (server: Server, method: string, path: string, headers: Record<string, string> = {}) =>
  callUrl(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, method, { headers });

it.each(['large', 'small'])('a %s answer is that of Express, byte for byte', async (name) => {
  const [ours, theirs] = servers;
  const tag = await slicedTag(bodies[name]);
  expect(tag).toBe(entityTag(JSON.stringify(bodies[name])));
  const asked: [string, Record<string, string>][] = [
    ['GET', {}],
    ['HEAD', {}],
    ['POST', {}],
    ['GET', { 'If-None-Match': tag }],
    ['HEAD', { 'If-None-Match': `W/${tag}` }],
    ['GET', { 'If-None-Match': '"other"' }],
  ];
  for (const [method, headers] of asked) {
    const [got, wanted] = [
      await ask(ours, method, `/${name}`, headers),
      await ask(theirs, method, `/${name}`, headers),
    ];
    expect(got.status).toBe(wanted.status);
    const { date: _, ...plain } = wanted.headers;
    expect(got.headers).toMatchObject(plain);
    expect(digest(got.text)).toBe(digest(wanted.text));
  }
});

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

it('others are answered while a large answer is made', async () => {
  const [ours] = servers;
  let [turns, answered] = [0, false];
  // A small answer has a handful of turns; a large one has one or more for each of its slices.
  const turn = () => {
    turns++;
    if (!answered) setImmediate(turn);
  };
  turn();
  await ask(ours, 'GET', '/small');
  const small = turns;
  await ask(ours, 'GET', '/huge');
  answered = true;
  expect(turns - small).toBeGreaterThan(small + 10);
});
