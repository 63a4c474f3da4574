import type { Command } from 'commander';
import { type CacheEntry, ContentCache } from '../../activations/cache/content-cache.js';
import { globalOptions, sizeText } from '../options/global-options.js';
import { printRows } from '../print/print-rows.js';
import type { Io } from '../terminal/io.js';

/** `ventral cache show|clear`: the cache of computed layers. */
export function registerCache(program: Command, io: Io): void {
  const cache = program.command('cache').description('cache of computed layers');
  cache
    .command('show')
    .description('show what the cache holds, by kind')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => show(command, io));
  cache
    .command('clear')
    .description('remove every entry of the cache; all can be recomputed')
    .action((_options: unknown, command: Command) => clear(command, io));
}

async function show(command: Command, io: Io): Promise<void> {
  const cache = await cacheOf(command);
  const entries = await cache.entries();
  const { folder, maxBytes } = cache;
  const total = bytesIn(entries);
  const kinds = [...new Set(entries.map(({ kind }) => kind))].sort().map((kind) => {
    const these = entries.filter((entry) => entry.kind === kind);
    return { kind, entries: these.length, bytes: bytesIn(these) };
  });
  if (command.optsWithGlobals().json) {
    const all = { folder, maxBytes, entries: entries.length, bytes: total, kinds };
    io.out(`${JSON.stringify(all, null, 2)}\n`);
    return;
  }
  if (kinds.length > 0) printKinds(kinds, io);
  io.err(`${folder} holds ${sizeText(total)} of at most ${sizeText(maxBytes)}\n`);
}

/** What the cache holds; a pipe gets bytes. */
export function printKinds(
  kinds: readonly { readonly kind: string; readonly entries: number; readonly bytes: number }[],
  io: Io,
): void {
  const rows = kinds.map(({ kind, entries, bytes }) => [kind, String(entries), sizeText(bytes)]);
  printRows(['kind', 'entries', 'size'], rows, io, {
    head: ['kind', 'entries', 'bytes'],
    rows: kinds.map(({ kind, entries, bytes }) => [kind, entries, bytes]),
  });
}

async function clear(command: Command, io: Io): Promise<void> {
  const { entries, bytes } = await (await cacheOf(command)).clear();
  io.out(`${entries} ${entries === 1 ? 'entry' : 'entries'} removed, ${sizeText(bytes)} freed\n`);
}

function cacheOf(command: Command): Promise<ContentCache> {
  const { home, maxCache } = globalOptions(command);
  return ContentCache.open(home, { maxBytes: maxCache });
}

const bytesIn = (entries: readonly CacheEntry[]) =>
  entries.reduce((sum, { bytes }) => sum + bytes, 0);
