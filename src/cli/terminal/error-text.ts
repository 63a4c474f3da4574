import type { VentralError } from '../../errors/ventral-error.js';
import { visibleName } from '../../report/visible-name.js';

/**
 * The text of an error on a terminal: its subject, its message, and with `--verbose` the stacks of it and its
 * cause. Names in it may come from untrusted files: control characters are escaped.
 */
export function errorText(
  error: VentralError,
  { verbose, about }: { readonly verbose: boolean; readonly about?: string },
): string {
  const message = error.message.trimEnd();
  // A message that begins with the place of a fault in a file needs no second name.
  const subject = about === undefined || message.startsWith(`${about}:`) ? '' : `${about}: `;
  const sentence = visibleText(`ventral: ${subject}${message}`);
  if (!verbose) return sentence;
  const { cause } = error.details;
  const stacks = `${error.stack}\n${cause instanceof Error ? `caused by ${cause.stack}` : ''}`;
  return `${sentence}${visibleText(stacks.trimEnd())}`;
}

/** Text whose lines a terminal shows as they are. */
export const visibleText = (text: string): string =>
  text
    .split('\n')
    .map((line) => `${visibleName(line)}\n`)
    .join('');
