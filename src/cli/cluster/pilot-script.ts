import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programFile } from '../../formats/package-root.js';
import { databasePlace } from '../../store/database/postgres-database.js';

/** Where the files of pilot jobs are: in the home, which all nodes must see. */
export interface PilotFiles {
  /** Of the jobs; one for each database. */
  readonly name: string;
  /** Variables that a pilot job reads, with the secrets among them; only its user can read it. */
  readonly environment: string;
  /** Folder of their logs. */
  readonly logs: string;
}

/** Variables that a worker needs: of the database, the service, the bucket, the network, and the runtime. */
const needed =
  /^(?:DATABASE_URL|VENTRAL_\w+|AWS_\w+|PG[A-Z]+|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|PATH|LD_LIBRARY_PATH|LANG|LC_ALL|TZ)$/i;

/** The files of the pilot jobs on a database. */
export function pilotFiles(home: string, databaseUrl: string): PilotFiles {
  const digest = createHash('sha256').update(databasePlace(databaseUrl)).digest('hex');
  const name = `ventral-${digest.slice(0, 8)}`;
  const folder = join(home, 'slurm');
  return { name, environment: join(folder, `${name}.env`), logs: join(folder, 'logs') };
}

/** Writes the variables that pilot jobs read, for their user alone, and makes the folder of logs. */
export async function writeEnvironment(
  { environment, logs }: PilotFiles,
  variables: NodeJS.ProcessEnv,
): Promise<void> {
  await mkdir(logs, { recursive: true, mode: 0o700 });
  const lines = Object.entries(variables)
    .filter(([name, value]) => needed.test(name) && value !== undefined)
    .map(([name, value]) => `${name}=${quoted(value as string)}\n`);
  const unfinished = `${environment}.${randomUUID()}`;
  await writeFile(unfinished, lines.join(''), { mode: 0o600, flag: 'wx' });
  await rename(unfinished, environment);
}

/** Removes them. */
export const removeEnvironment = ({ environment }: PilotFiles): Promise<void> =>
  rm(environment, { force: true });

/**
 * The batch script of a pilot job. It holds no secret: Slurm shows it to whoever it belongs to, and to its operators.
 * @param words of `ventral worker`
 */
export function pilotScript({ environment }: PilotFiles, words: readonly string[]): string {
  const main = programFile('cli/main.js');
  const command = [process.execPath, main, 'worker'].map(quoted).join(' ');
  return `#!/bin/sh
# A pilot job of ventral: it takes jobs from the queue until there are none. "ventral slurm up" submitted it.
environment=${quoted(environment)}
if [ ! -r "$environment" ]; then
  echo "ventral: $environment cannot be read here: --home must be on a file system that all nodes share" >&2
  exit 1
fi
set -a
. "$environment"
set +a
# The worker takes the place of this shell, so that it receives the signals of Slurm.
exec ${command} \${SLURM_CPUS_PER_TASK:+--threads "$SLURM_CPUS_PER_TASK"} ${words.map(quoted).join(' ')}
`;
}

/** A word of sh. */
const quoted = (text: string) =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
