/** Maximum characters of an untrusted value in a message. */
const MOST = 60;

/**
 * A value out of a stranger's file as a message may show it: text in quotes, no longer than 60 characters,
 * without characters that control a terminal.
 */
export function quoted(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = String(value);
  const start = text.slice(0, MOST);
  return `${escaped(JSON.stringify(start))}${start.length < text.length ? '…' : ''}`;
}

/** Some values as {@link quoted} shows each, and how many more there are. */
export function quotedList(values: Iterable<unknown>, most = 3): string {
  const all = [...values];
  const rest = all.length - most;
  const shown = all.slice(0, most).map(quoted).join(', ');
  return rest > 0 ? `${shown} and ${rest} more` : shown;
}

/** A sentence with no character that controls a terminal, lines and tabs aside, cut at `most` characters. */
export function bounded(text: string, most: number): string {
  return escaped(text.length > most ? `${text.slice(0, most - 1)}…` : text);
}

/** Controls, and what changes the direction of text; a joiner inside of a word stays. */
const unprintable = /[^\P{C}\n\t\u200c\u200d]|[\u2028\u2029]/gu;

function escaped(text: string): string {
  return text.replace(
    unprintable,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
