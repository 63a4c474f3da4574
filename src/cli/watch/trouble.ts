import { basename } from 'node:path';
import type { ErrorCode } from '../../errors/codes.js';
import type { FoundFile } from './scan-runs.js';
import type { TakenCheckpoint } from './take-checkpoint.js';

/** What passes without a change of the checkpoint: it is tried again. */
export const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['disk-full', 'disk-failed', 'not-ready', 'quota-exceeded', 'queue-full'] as const),
  ...(['storage-exceeded', 'rate-limited', 'database-unavailable', 'files-unavailable'] as const),
  ...(['worker-lost', 'version-skew', 'request-in-flight', 'idempotency-mismatch'] as const),
  // Of a job that was cancelled at its service: an interruption of the watch itself shows in its signal.
  'interrupted',
]);
/** Whether a failure is of that kind. */
export const isPassing = ({ code }: { readonly code: string }): boolean =>
  passing.has(code as ErrorCode);

/** What no checkpoint of this watch will be spared. */
export const fatal: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...(['unauthorized', 'forbidden', 'permission-denied'] as const),
]);

/** One line of a message, with the name of the file and not the folder that it was copied to. */
export function plain(message: string, { path, name }: FoundFile, taken?: TakenCheckpoint): string {
  const text = taken ? message.replaceAll(`${taken.scratch.path}/`, '') : message;
  return text
    .replaceAll(path, name)
    .split('\n')[0]
    .replace(/ A card to complete:$/, '');
}

/** A reason that begins with the name of the file needs it no second time. */
export function about({ name }: FoundFile, reason: string): string {
  const base = basename(name);
  if (reason.startsWith(name)) return reason;
  return reason.startsWith(base) ? `${name}${reason.slice(base.length)}` : `${name}: ${reason}`;
}
