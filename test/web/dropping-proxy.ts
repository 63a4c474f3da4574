import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What stands between a browser and a service, and loses its connections when told to. */
export interface DroppingProxy {
  readonly url: string;
  /** Cuts every connection that stands, and every new one until the promise has settled. */
  dropWhile(happens: () => Promise<unknown>): Promise<void>;
  close(): Promise<void>;
}

/** Starts a proxy before a service, which sees requests as its own origin's. */
export async function droppingProxy(origin: string): Promise<DroppingProxy> {
  let down = false;
  const server = createServer((incoming, outgoing) => {
    if (down) incoming.socket.destroy();
    else passOn(origin, incoming, outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async dropWhile(happens) {
      down = true;
      server.closeAllConnections();
      await happens().finally(() => {
        down = false;
      });
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function passOn(origin: string, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, headers } = incoming;
  const own = {
    ...headers,
    host: new URL(origin).host,
    ...(headers.origin ? { origin } : {}),
  };
  const sent = request(`${origin}${incoming.url}`, { method, headers: own }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
    outgoing.once('close', () => answer.destroy());
  });
  sent.once('error', () => outgoing.destroy());
  incoming.pipe(sent);
}
