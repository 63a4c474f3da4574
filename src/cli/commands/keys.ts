import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { KeyAccess, KeyResource } from '../../service/access/key-access.js';
import type { Role } from '../../store/records/principal.js';
import { databaseUrl, globalOptions } from '../options/global-options.js';
import { printRows } from '../print/print-rows.js';
import type { Io } from '../terminal/io.js';

const roles: readonly string[] = ['admin', 'member', 'reader'] satisfies Role[];

const HOUR_MS = 3_600_000;
const hoursOf: Readonly<Record<string, number>> = { h: 1, d: 24, w: 168 };

/** `ventral keys create|list|revoke`: API keys of the service. */
export function registerKeys(program: Command, io: Io): void {
  const keys = program.command('keys').description('API keys of the service');
  keys
    .command('create')
    .description('create a key; it is printed once, on stdout')
    .requiredOption('--name <name>', 'name of the key in lists')
    .requiredOption('--role <role>', 'admin, member or reader')
    .option('--owner <owner>', 'owner of its models and jobs; default: its name')
    .option('--group <group>', 'group of the key (repeatable)', collect, [])
    .option('--expires <time>', 'time until it expires, such as 90d, 12h or 4w; default: never')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => create(command, io));
  keys
    .command('list')
    .description('list the keys, without their secrets')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => list(command, io));
  keys
    .command('revoke <id>')
    .description('revoke a key permanently')
    .action((id: string, _options: unknown, command: Command) => revoke(id, command, io));
}

const collect = (value: string, before: readonly string[]) => [...before, ...value.split(',')];

async function withAccess<T>(
  command: Command,
  work: (access: KeyAccess) => Promise<T>,
): Promise<T> {
  const { openKeyAccess } = await import('../../service/access/key-access.js');
  const access = await openKeyAccess(globalOptions(command).home, databaseUrl());
  try {
    return await work(access);
  } finally {
    await access.close();
  }
}

async function create(command: Command, io: Io): Promise<void> {
  const { name, role, owner, group, expires, json } = command.optsWithGlobals<{
    name: string;
    role: string;
    owner?: string;
    group: readonly string[];
    expires?: string;
    json?: boolean;
  }>();
  for (const [option, text] of [
    ['--name', name],
    ['--owner', owner ?? name],
    ...group.map((one) => ['--group', one] as const),
  ] as const) {
    requireLine(option, text);
  }
  const asked = {
    name,
    role: readRole(role),
    groups: group,
    ...present({ owner }),
    ...(expires === undefined ? {} : { expiresAt: readExpiry(expires) }),
  };
  const made = await withAccess(command, (access) => access.create(asked));
  io.out(json ? `${JSON.stringify(made, null, 2)}\n` : `${made.key}\n`);
  const until = made.expiresAt === null ? 'it does not expire' : `it expires at ${made.expiresAt}`;
  io.err(
    `${made.id}: ${made.role} of ${made.owner}; ${until}. The key is shown only once: store it now\n`,
  );
}

function requireLine(option: string, text: string): void {
  if (!/^[^\p{Cc}]{1,100}$/u.test(text)) {
    throw new VentralError('bad-usage', `${option}: expected 1 to 100 characters on one line`);
  }
}

function readRole(role: string): Role {
  if (!roles.includes(role)) {
    throw new VentralError(
      'bad-usage',
      `--role: expected ${roles.slice(0, -1).join(', ')} or ${roles.at(-1)}, found "${role}"`,
    );
  }
  return role as Role;
}

function readExpiry(text: string): Date {
  const found = /^(\d{1,4})([hdw])$/.exec(text);
  const hours = found ? Number(found[1]) * hoursOf[found[2]] : 0;
  if (hours === 0) {
    throw new VentralError(
      'bad-usage',
      `--expires: expected a time such as 90d, 12h or 4w, found "${text}"`,
    );
  }
  return new Date(Date.now() + hours * HOUR_MS);
}

async function list(command: Command, io: Io): Promise<void> {
  const keys = await withAccess(command, (access) => access.list());
  if (command.optsWithGlobals().json) {
    io.out(`${JSON.stringify(keys, null, 2)}\n`);
    return;
  }
  printKeyList(keys, io);
}

/** Keys without their secrets. */
export function printKeyList(keys: readonly KeyResource[], io: Io): void {
  printRows(
    ['id', 'name', 'role', 'owner', 'groups', 'state'],
    keys.map((key) => [key.id, key.name, key.role, key.owner, key.groups.join(', '), stateOf(key)]),
    io,
  );
}

function stateOf({ revokedAt, expiresAt }: KeyResource): string {
  if (revokedAt !== null) return `revoked ${revokedAt}`;
  if (expiresAt === null) return 'holds';
  return new Date(expiresAt) > new Date() ? `expires ${expiresAt}` : `expired ${expiresAt}`;
}

async function revoke(id: string, command: Command, io: Io): Promise<void> {
  const { name } = await withAccess(command, (access) => access.revoke(id));
  io.err(`Revoked ${id} (${name})\n`);
}
