import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { VentralError } from '../../errors/ventral-error.js';

/** Names under which this machine speaks to itself. */
const loopbackNames: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];

/** Loopback addresses. */
export const loopbackAddresses: readonly string[] = ['127.0.0.1', 'localhost', '::1'];

const safe = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Restricts a service without keys to its one user (design §7). A page of another site in a browser on this
 * machine can send requests here: by its own name that resolves to loopback (visible in Host), or across sites
 * (visible in Origin and Sec-Fetch-Site). Requests through a proxy come from elsewhere.
 * @param port the port that the service listens on
 */
export function loopbackGuard(port: () => number): RequestHandler {
  return (request, _response, next) => {
    const host = request.headers.host ?? '';
    const hosts = loopbackNames.flatMap((name) =>
      port() === 80 ? [name, `${name}:80`] : [`${name}:${port()}`],
    );
    if (!hosts.includes(host.toLowerCase())) {
      throw new VentralError(
        'misdirected-request',
        `The Host header says "${host}", expected ${hosts.join(', ')}`,
      );
    }
    refuseForwarded(request);
    if (!safe.has(request.method)) refuseOtherSites(request.headers, host);
    next();
  };
}

/** @throws VentralError `forbidden` for what came through a proxy: it may be from anywhere */
export function refuseForwarded({ headers }: IncomingMessage): void {
  const forwarded = Object.keys(headers).find(
    (name) => /^(?:forwarded|via|x-real-ip)$/.test(name) || name.startsWith('x-forwarded-'),
  );
  if (forwarded) {
    throw new VentralError(
      'forbidden',
      `The request has the header ${forwarded}: without keys the service answers only this machine`,
    );
  }
}

/**
 * @throws VentralError `forbidden` for requests of a browser: browsers cannot open a Unix socket, so a forwarded
 *   port is in between, and any page may have sent the request
 */
export function refuseBrowsers({ headers }: IncomingMessage): void {
  const sign = ['origin', 'sec-fetch-site', 'cookie'].find((name) => headers[name] !== undefined);
  if (sign)
    throw new VentralError(
      'forbidden',
      `The request has the header ${sign}: the socket of the service is for commands, not for browsers`,
    );
}

function refuseOtherSites(headers: NodeJS.Dict<string | string[]>, host: string): void {
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${host}`) {
    throw new VentralError(
      'forbidden',
      `The request comes from a page of ${origin}, which may not change anything here`,
    );
  }
  if (headers['sec-fetch-site'] === 'cross-site') {
    throw new VentralError(
      'forbidden',
      'The request comes from a page of another site, which may not change anything here',
    );
  }
}
