import type { RequestHandler, Response } from 'express';
import { VentralError } from '../../errors/ventral-error.js';
import type { Principal } from '../../store/records/principal.js';

/** Requests that are not answered to their end, of all owners and of one. */
const MOST = { all: 2048, each: 256 };

const RETRY_SECONDS = 1;

/**
 * Refuses requests of an owner that has many open already, with `quota-exceeded`, or of any where all
 * owners have, with `queue-full`: slow uploads, slow downloads, streams of events, requests that wait for a
 * job. Each holds a connection, often a file. Stands behind authentication; who needs no key is not counted.
 */
export function openRequests({ all, each } = MOST): RequestHandler {
  const open = new Map<string, number>();
  let sum = 0;
  return (_request, response, next) => {
    const owner = (response as Response<unknown, { principal?: Principal }>).locals.principal
      ?.owner;
    if (owner === undefined) return next();
    const mine = open.get(owner) ?? 0;
    const details = { retryAfter: RETRY_SECONDS };
    if (mine >= each) {
      const message = `${owner} has ${mine} requests open, the maximum`;
      throw new VentralError('quota-exceeded', message, details);
    }
    if (sum >= all) throw new VentralError('queue-full', `${sum} requests are open`, details);
    open.set(owner, mine + 1);
    sum++;
    response.once('close', () => {
      const left = (open.get(owner) as number) - 1;
      if (left === 0) open.delete(owner);
      else open.set(owner, left);
      sum--;
    });
    next();
  };
}
