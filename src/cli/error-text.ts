import type { VentralError } from '../errors/ventral-error.js';

/** What a person reads of an error: what it is about, its sentence, and with `--verbose` the stacks of it and its cause. */
export function errorText(
  error: VentralError,
  { verbose, about }: { readonly verbose: boolean; readonly about?: string },
): string {
  const sentence = `ventral: ${about === undefined ? '' : `${about}: `}${error.message.trimEnd()}\n`;
  if (!verbose) return sentence;
  const { cause } = error.details;
  return `${sentence}${error.stack}\n${cause instanceof Error ? `caused by ${cause.stack}\n` : ''}`;
}
