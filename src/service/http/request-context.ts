import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { HomeStore } from '../../store/home-store.js';

/** Facts about the service, known before routing. */
export interface RequestContext {
  readonly store: HomeStore;
  readonly log: Logger;
  /** Whether a request came over the socket in the home, which only the service's user can open. */
  readonly isLocal: (request: IncomingMessage) => boolean;
  /** The port that the service listens on. */
  readonly port: () => number;
  /** Whether it listens only on loopback; without keys it then has one user. */
  readonly loopback: boolean;
}
