import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import type { components } from '../api/schema.js';
import { openEmbeddedDatabase } from '../store/database/embedded-database.js';
import { databasePlace, openPostgresDatabase } from '../store/database/postgres-database.js';
import { checkHomeFormat } from '../store/home/home-format.js';
import { livingOwner, lockHome, type Owner } from '../store/home/owner-lock.js';
import { askService } from './access/service-client.js';

/** Result of one check. */
export interface DatabaseFinding {
  readonly check: string;
  /** `missing`: nothing works without it. `warning`: it works, and not as well or as safely. */
  readonly state: 'ok' | 'warning' | 'missing';
  readonly detail: string;
}

type Found = Omit<DatabaseFinding, 'check'>;

const PATIENCE_MS = 5000;
/** Leases, deadlines of keys and the order of jobs go by the database's clock. */
const SKEW_MS = 5000;

/** Whether the database answers; the embedded one through its owner, if it has one. */
export async function findDatabase(place: {
  readonly home: string;
  readonly databaseUrl?: string;
}): Promise<Found[]> {
  const { home, databaseUrl } = place;
  if (databaseUrl !== undefined) return findPostgres(databaseUrl);
  await checkHomeFormat(home, 'embedded');
  const owner = await livingOwner(home);
  if (owner) return [await askOwner(owner)];
  if (!existsSync(join(home, 'db'))) {
    return [{ state: 'ok', detail: 'embedded, created at the first start' }];
  }
  return [await openOnce(home)];
}

async function findPostgres(url: string): Promise<Found[]> {
  const place = databasePlace(url);
  const database = await openPostgresDatabase(url);
  try {
    const before = Date.now();
    const [row] = await database.query<{ version: string; now: Date }>(
      `select current_setting('server_version') as version, clock_timestamp() as now`,
    );
    const after = Date.now();
    const skew = Math.max(before - row.now.getTime(), row.now.getTime() - after, 0);
    const answers: Found = { state: 'ok', detail: `PostgreSQL ${row.version} answers at ${place}` };
    if (skew <= SKEW_MS) return [answers];
    const detail = `its clock is ${Math.round(skew / 1000)} seconds off this machine's`;
    return [answers, { state: 'warning', detail }];
  } finally {
    await database.close();
  }
}

async function askOwner({ kind, pid, url, socket }: Owner): Promise<Found> {
  if (url === null || !socket) {
    const detail = `embedded; in use by a ${kind}, process ${pid}, which does not listen`;
    return { state: 'warning', detail };
  }
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await askService({ url, socket }, 'GET', '/v1/ready', { signal });
    const { status, checks } = (await json(answer)) as components['schemas']['Readiness'];
    const parts = Object.entries(checks).map(([name, state]) => `${name} ${state}`);
    const detail = `embedded; the service at ${url}, process ${pid}, says ${status}: ${parts.join(', ')}`;
    return { state: answer.statusCode === 200 ? 'ok' : 'missing', detail };
  } catch (error) {
    const { message } = ((error as Error).cause ?? error) as Error;
    const detail = `embedded; the service at ${url}, process ${pid}, does not answer: ${message}`;
    return { state: 'missing', detail };
  }
}

async function openOnce(home: string): Promise<Found> {
  const lock = await lockHome(home, { kind: 'command', patience: PATIENCE_MS });
  try {
    const database = await openEmbeddedDatabase(join(home, 'db'), lock);
    try {
      await database.query('select 1');
      return { state: 'ok', detail: 'embedded, answers' };
    } finally {
      await database.close();
    }
  } finally {
    await lock.release();
  }
}
