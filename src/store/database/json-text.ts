/**
 * A value as text for a jsonb column, null for nothing. PostgreSQL stores neither NUL nor half of a
 * surrogate pair, which names in a stranger's file may hold: each becomes U+FFFD.
 */
export function jsonText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return JSON.stringify(value).replaceAll(unstorable, '$1\\ufffd');
}

/** An escape that JSON.stringify writes for such a character, behind whole escaped backslashes. */
const unstorable = /(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g;
