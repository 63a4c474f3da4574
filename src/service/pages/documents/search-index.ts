/** A section that can be found. */
export interface Entry {
  readonly address: string;
  /** Title of the document. */
  readonly document: string;
  readonly heading: string;
  readonly words: string;
}

/** A section that was found, and a piece of its text around the first word that was looked for. */
export interface Found extends Omit<Entry, 'words'> {
  /** Pieces of text; `hit` for those that were looked for. */
  readonly excerpt: readonly { readonly text: string; readonly hit: boolean }[];
}

/** Words of a query that count. */
const MOST_WORDS = 8;
/** Sections that a search finds at most. */
export const MOST_FOUND = 30;
/** Characters of text around the first hit. */
const BEFORE = 60;
const AROUND = 220;

/** How much a word of a heading counts against one of the text, and one of the document's title. */
const HEADING = 12;
const TITLE = 3;
/** What a heading of just the words that are looked for is worth. */
const EXACT = 100;

/** Parameters of BM25 as usual: saturation of repeated words, and how much length counts. */
const SATURATION = 1.2;
const LENGTH = 0.75;

/**
 * An index of sections by their words. A section is found if it has every word of a query, or a word that begins
 * with it, whatever its case and with or without a plural s; the best by BM25 come first, headings before text.
 */
export class SearchIndex {
  readonly #entries: Entry[] = [];
  readonly #lengths: number[] = [];
  /** Weight of a word in each section that has it, by the position of the section. */
  readonly #words = new Map<string, Map<number, number>>();

  add(entry: Entry): void {
    const position = this.#entries.push(entry) - 1;
    const count = (text: string, weight: number) => {
      const words = wordsOf(text);
      for (const word of words) {
        const sections = this.#words.get(word) ?? new Map<number, number>();
        sections.set(position, (sections.get(position) ?? 0) + weight);
        this.#words.set(word, sections);
      }
      return words.length;
    };
    count(entry.heading, HEADING);
    count(entry.document, TITLE);
    this.#lengths.push(1 + count(entry.words, 1));
  }

  /** @param query words as somebody writes them */
  search(query: string): Found[] {
    const words = [...new Set(wordsOf(query))].slice(0, MOST_WORDS);
    if (words.length === 0) return [];
    const [first, ...others] = words.map((word) => this.#scores(word));
    const exact = words.join(' ');
    const scored = [...first].flatMap(([position, score]) => {
      const rest = others.map((other) => other.get(position));
      if (rest.includes(undefined)) return [];
      const bonus = wordsOf(this.#entries[position].heading).join(' ') === exact ? EXACT : 0;
      return [{ position, score: rest.reduce<number>((sum, one = 0) => sum + one, score + bonus) }];
    });
    return scored
      .sort((a, b) => b.score - a.score || a.position - b.position)
      .slice(0, MOST_FOUND)
      .map(({ position }) => {
        const { words: text, ...entry } = this.#entries[position];
        return { ...entry, excerpt: excerptOf(text, words) };
      });
  }

  /** The score of each section that has a word, or one that begins with it. */
  #scores(sought: string): Map<number, number> {
    const scores = new Map<number, number>();
    const mean = this.#lengths.reduce((sum, one) => sum + one, 0) / this.#lengths.length;
    for (const [word, sections] of this.#words) {
      if (!word.startsWith(sought)) continue;
      const rarity = Math.log(1 + this.#entries.length / sections.size);
      const nearness = sought.length / word.length;
      for (const [position, count] of sections) {
        const length = 1 - LENGTH + (LENGTH * this.#lengths[position]) / mean;
        const score = (rarity * nearness * count) / (count + SATURATION * length);
        scores.set(position, Math.max(scores.get(position) ?? 0, score));
      }
    }
    return scores;
  }
}

/** The words of a text, in small letters and without a plural s. */
const wordsOf = (text: string): string[] =>
  (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map(stem);

const stem = (word: string) => (word.length > 3 ? word.replace(/(?<=[^s])s$/, '') : word);

function excerptOf(text: string, words: readonly string[]): Found['excerpt'] {
  const plain = text.replace(/\s+/g, ' ').trim();
  // Letters and digits alone, so that nothing of a query is read as a pattern.
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])(?:${words.join('|')})[\\p{L}\\p{N}]*`, 'giu');
  const at = plain.search(pattern);
  const start = at <= BEFORE ? 0 : plain.lastIndexOf(' ', at - BEFORE) + 1;
  const piece = plain.slice(start, start + AROUND);
  const pieces: { text: string; hit: boolean }[] = [];
  let done = 0;
  for (const { index, 0: hit } of piece.matchAll(pattern)) {
    pieces.push({ text: piece.slice(done, index), hit: false }, { text: hit, hit: true });
    done = index + hit.length;
  }
  pieces.push({ text: piece.slice(done), hit: false });
  if (start > 0) pieces.unshift({ text: '… ', hit: false });
  if (start + AROUND < plain.length) pieces.push({ text: ' …', hit: false });
  return pieces.filter(({ text }) => text !== '');
}
