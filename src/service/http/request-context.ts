import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { HomeStore } from '../../store/home-store.js';

/** What is known of the service before a request is routed. */
export interface RequestContext {
  readonly store: HomeStore;
  readonly log: Logger;
  /** Whether a request came over the socket in the home, which the service's user alone can open. */
  readonly isLocal: (request: IncomingMessage) => boolean;
  /** The port that the service listens on. */
  readonly port: () => number;
  /** Whether it listens to this machine alone, which without keys has one user. */
  readonly loopback: boolean;
}
