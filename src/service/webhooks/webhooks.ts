import { createHmac } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { request } from 'node:https';
import { isIP } from 'node:net';
import type { Logger } from 'pino';
import { VentralError } from '../../errors/ventral-error.js';
import type { Database } from '../../store/database/database.js';
import {
  type Busy,
  DeliveryStore,
  type DueDelivery,
  lineOf,
  type Webhook,
} from '../../store/jobs/delivery-store.js';
import { untilAborted } from '../queue/until-aborted.js';
import { chooseAddress, hostOf, type Resolve, readWebhookUrl } from './webhook-address.js';

/** How webhooks are sent. */
export interface WebhookOptions {
  /** Allowed hosts and non-public addresses. None: webhooks are off. */
  readonly allow: readonly string[];
  /** In place of the system's resolver, for tests. */
  readonly resolve?: Resolve;
  /** Certificate of an authority to trust, for tests. */
  readonly ca?: string;
  /** Seconds between tries, in place of the usual ones, for tests. */
  readonly backOff?: readonly number[];
  /** Polling interval in milliseconds, for tests. */
  readonly look?: number;
}

const LOOK_MS = 1000;
/** For one try: the look-up of the name, the connection and the answer. */
const TIMEOUT_MS = 5000;
/** Concurrent deliveries, of all owners and of one; a receiver of an owner gets one at a time. */
const MOST = 32;
const MOST_EACH = 4;
/** Seconds until each further try: about a day in all. */
const BACK_OFF: readonly number[] = [10, 60, 300, 1800, 7200, 21_600, 43_200];

/**
 * Delivers webhooks of ended jobs (design §7), each at least once. If a process dies, another one continues. Each
 * receiver of an owner has its own queue, so that one without an answer delays no other.
 */
export class Webhooks {
  readonly deliveries: DeliveryStore;
  readonly #log: Logger;
  readonly #options: WebhookOptions;
  readonly #allowed: ReadonlySet<string>;
  readonly #backOff: readonly number[];
  #timer: NodeJS.Timeout | undefined;
  readonly #sending = new Map<DueDelivery, Promise<void>>();
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(database: Database, log: Logger, options: WebhookOptions = { allow: [] }) {
    this.deliveries = new DeliveryStore(database);
    this.#log = log;
    this.#options = options;
    this.#allowed = new Set(options.allow.map((host) => host.toLowerCase()));
    this.#backOff = options.backOff ?? BACK_OFF;
  }

  /** @throws VentralError `webhook-refused` for a webhook that would not be delivered */
  check(webhook: Webhook): void {
    readWebhookUrl(webhook.url, this.#allowed);
  }

  /** Polls for due deliveries once a second and after each delivery, if any host is allowed. */
  async start(): Promise<void> {
    if (this.#allowed.size === 0) return;
    await this.deliveries.gather();
    this.#timer = setInterval(() => this.#look(), this.#options.look ?? LOOK_MS).unref();
  }

  /** Waits for those that are on their way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#looking;
    await Promise.all(this.#sending.values());
  }

  #look(): void {
    this.#looking ??= this.#sendAll()
      .catch((error) => this.#log.warn({ err: error }, 'Webhooks could not be sent'))
      .finally(() => {
        this.#looking = undefined;
      });
  }

  /** Starts due deliveries without waiting for them. */
  async #sendAll(): Promise<void> {
    while (!this.#stopped && this.#sending.size < MOST) {
      const due = await this.deliveries.claim(this.#busy());
      if (!due) return;
      const sending = this.#send(due)
        .catch((error) => this.#log.warn({ err: error }, 'A delivery could not be recorded'))
        .finally(() => {
          this.#sending.delete(due);
          if (!this.#stopped) this.#look();
        });
      this.#sending.set(due, sending);
    }
  }

  #busy(): Busy {
    const counts = new Map<string, number>();
    for (const { owner } of this.#sending.keys()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
    const owners = [...counts].filter(([, count]) => count >= MOST_EACH).map(([owner]) => owner);
    return { owners, lines: [...this.#sending.keys()].map(lineOf) };
  }

  async #send(due: DueDelivery): Promise<void> {
    const at = new Date().toISOString();
    let status: number | null = null;
    let reason: string | null = null;
    let final = false;
    try {
      status = await this.#post(due);
      if (status < 200 || status > 299) reason = `The answer was ${status}`;
      final = status === 410;
    } catch (error) {
      reason = (error as Error).message;
      final = error instanceof VentralError && error.code === 'webhook-refused';
    }
    const seconds = final ? undefined : this.#backOff[due.attempts - 1];
    const state = reason === null ? 'delivered' : seconds === undefined ? 'failed' : 'waiting';
    this.#log.info(
      { job: due.job, delivery: due.id, status, reason, state },
      'Delivered a webhook',
    );
    await this.deliveries.note(due, { at, status, reason }, state, seconds ?? null);
  }

  async #post({ id, job, kind, state, finishedAt, webhook }: DueDelivery): Promise<number> {
    const url = readWebhookUrl(webhook.url, this.#allowed);
    const resolve = this.#options.resolve ?? resolveName;
    const deadline = AbortSignal.timeout(TIMEOUT_MS);
    const address = await untilAborted(chooseAddress(url, this.#allowed, resolve), deadline).catch(
      (error) => {
        throw deadline.aborted ? unanswered() : error;
      },
    );
    const body = JSON.stringify({
      type: 'job.ended',
      delivery: id,
      job: { id: job, kind, state, finishedAt, self: `/v1/${kind}s/${job}` },
    });
    return post(url, address, body, {
      deadline,
      ...(this.#options.ca ? { ca: this.#options.ca } : {}),
      headers: {
        Host: url.host,
        'Content-Type': 'application/json',
        'Content-Length': String(Buffer.byteLength(body)),
        'User-Agent': 'ventral',
        'Ventral-Delivery': id,
        'Ventral-Signature': signature(webhook.secret, body, Math.floor(Date.now() / 1000)),
      },
    });
  }
}

/** `t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>", hex>`. */
function signature(secret: string, body: string, seconds: number): string {
  const code = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${code}`;
}

const resolveName: Resolve = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

const unanswered = () => new Error(`No answer within ${TIMEOUT_MS / 1000} seconds`);

/** Sends one request to an address, under the name that its certificate must bear, and follows no redirect. */
function post(
  url: URL,
  address: string,
  body: string,
  {
    deadline,
    ...more
  }: {
    readonly deadline: AbortSignal;
    readonly ca?: string;
    readonly headers: Record<string, string>;
  },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const name = hostOf(url);
    const sent = request({
      ...more,
      method: 'POST',
      host: address,
      port: url.port || 443,
      path: `${url.pathname}${url.search}`,
      // TLS cannot request an IP address by name; the certificate must then contain the address.
      ...(isIP(name) ? {} : { servername: name }),
      agent: false,
      signal: deadline,
    });
    sent.once('response', (response) => {
      resolve(response.statusCode ?? 0);
      // Whatever it says beside its status is not read.
      response.destroy();
    });
    sent.once('error', (error) =>
      reject(error.name === 'AbortError' || error.name === 'TimeoutError' ? unanswered() : error),
    );
    sent.end(body);
  });
}
