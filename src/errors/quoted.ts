/** Characters of a value of somebody else's that a message shows. */
const MOST = 60;

/**
 * A value out of a stranger's file as a message may show it: in quotes, no longer than 60 characters,
 * without characters that control a terminal.
 */
export function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : String(value);
  const shown = [...text.slice(0, MOST + 1)];
  const start = shown.slice(0, MOST).join('');
  return `${JSON.stringify(start).replace(unprintable, escaped)}${shown.length > MOST ? '…' : ''}`;
}

/** Some values as {@link quoted} shows each, and how many more there are. */
export function quotedList(values: Iterable<unknown>, most = 3): string {
  const all = [...values];
  const rest = all.length - most;
  const shown = all.slice(0, most).map(quoted).join(', ');
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

/** Controls, and those that change the direction of text. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const escaped = (character: string) =>
  `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
