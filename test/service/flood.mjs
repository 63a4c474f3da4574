// One tenant's attack on a service, until this process is killed: node flood.mjs '{"kind": …, "url": …}'
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const asked = JSON.parse(process.argv[2]);
const url = new URL(asked.url);
const agent = new Agent({ keepAlive: true, maxSockets: 500 });
const authorization = { Authorization: `Bearer ${asked.key}` };

/** Sends a request; resolves when it is answered, refused or dropped. */
function send(method, path, { headers = {}, body, dropAfter } = {}) {
  return new Promise((resolve) => {
    const length = body ? { 'Content-Length': Buffer.byteLength(body) } : {};
    const all = { ...authorization, ...length, ...headers };
    const sent = request(new URL(path, url), { method, agent, headers: all }, (response) => {
      response.once('error', () => {}).once('close', resolve);
      response.resume();
    });
    sent.once('error', () => {}).once('close', resolve);
    if (dropAfter) setTimeout(() => sent.destroy(), dropAfter).unref();
    sent.end(body);
  });
}

/** So many clients, each of which does the same again and again. */
const clients = (count, work) =>
  Array.from({ length: count }, async (_, i) => {
    for (;;) {
      await work(i);
      await sleep(asked.pause ?? 5);
    }
  });

const json = { 'Content-Type': 'application/json' };
const form = () => ({ headers: asked.headers, body: readFileSync(asked.body) });

const floods = {
  dropped: () => clients(200, () => send('GET', asked.path, { dropAfter: 600 })),
  forms() {
    const what = form();
    return clients(asked.clients, () => send('POST', asked.path, what));
  },
  json() {
    const body = readFileSync(asked.body);
    return clients(asked.clients, () => send('POST', asked.path, { headers: json, body }));
  },
  unauthorized: () =>
    clients(50, (i) =>
      send('GET', '/v1/models', { headers: { Authorization: `Bearer vk_${i}${Math.random()}` } }),
    ),
  /** Uploads that never end. */
  slow: () =>
    clients(300, async () => {
      const socket = connect(Number(url.port), url.hostname).on('error', () => {});
      const lines = [
        'POST /v1/models HTTP/1.1',
        `Host: ${url.host}`,
        `Authorization: ${authorization.Authorization}`,
        `Content-Type: ${asked.headers['Content-Type']}`,
        'Content-Length: 100000000',
      ];
      socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      while (!socket.destroyed && socket.writable) {
        socket.write('-');
        await sleep(100);
      }
      await sleep(1000);
    }),
};
await Promise.all(floods[asked.kind]());
