const HIDDEN =
  /[\p{Cc}\p{Surrogate}\p{Zl}\p{Zp}\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/**
 * A name as a person may safely see it on a terminal or a page: characters that move the cursor, turn the
 * direction of writing or show nothing are written out (`⟨U+202E⟩`), and what is longer than `length`
 * characters loses its middle, because names of layers differ at their ends.
 */
export function visibleName(name: string, length = Number.POSITIVE_INFINITY): string {
  const shown = name.replaceAll(HIDDEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
  const characters = [...shown];
  if (characters.length <= length) return shown;
  const head = Math.floor((length - 1) / 3);
  const tail = length - 1 - head;
  return `${characters.slice(0, head).join('')}…${characters.slice(-tail).join('')}`;
}
