import type { IncomingMessage } from 'node:http';
import type { RequestHandler } from 'express';
import { VentralError } from '../../errors/ventral-error.js';

/** Names under which this machine speaks to itself. */
const loopbackNames: readonly string[] = ['127.0.0.1', 'localhost', '[::1]'];

/** Addresses that this machine alone reaches. */
export const loopbackAddresses: readonly string[] = ['127.0.0.1', 'localhost', '::1'];

const safe = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Keeps a service without keys to its one user (design §7). A page of another site that a browser on
 * this machine has open can send requests here: by a name of its own that resolves to loopback (the
 * Host tells), or across sites (Origin and Sec-Fetch-Site tell). What came through a proxy came from
 * somewhere else.
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
      `The request carries ${forwarded}: without a key the service answers only this machine`,
    );
  }
}

/**
 * @throws VentralError `forbidden` for what a browser sends: none opens a Unix socket by itself, so that
 *   something forwards a port to it, and any page may have asked
 */
export function refuseBrowsers({ headers }: IncomingMessage): void {
  const sign = ['origin', 'sec-fetch-site', 'cookie'].find((name) => headers[name] !== undefined);
  if (sign)
    throw new VentralError(
      'forbidden',
      `The request carries ${sign}: the socket of the service is for commands, not for browsers`,
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
