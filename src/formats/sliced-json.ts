import { setImmediate as turn } from 'node:timers/promises';

/**
 * JSON of any size without holding the event loop: what takes longer than a few milliseconds is done in slices, between which
 * others have their turn.
 */

/** Characters, or as much as a value of about so many, that are read or written at once. */
const SLICE = 2 ** 16;
const SLICE_MS = 5;
/** Nesting of what does not fit a slice. */
const MOST_DEEP = 100;

/** Gives others a turn once the own one has lasted. */
class Turns {
  #since = performance.now();

  get over(): boolean {
    return performance.now() - this.#since > SLICE_MS;
  }

  async next(): Promise<void> {
    await turn();
    this.#since = performance.now();
  }
}

/** Whether {@link JSON.stringify} writes a value in a moment. */
export const isSmall = (value: unknown): boolean => weigh(value, SLICE) < SLICE;

/** The text that `JSON.stringify` gives, in pieces; each is handed on before the next is written. */
export async function* writeSliced(value: unknown): AsyncGenerator<string> {
  const turns = new Turns();
  for (const piece of pieces(value, 0)) {
    yield piece;
    if (turns.over) await turns.next();
  }
}

/** About the characters of a value's JSON, counted no further than a limit. */
function weigh(value: unknown, limit: number): number {
  if (typeof value === 'string') return value.length + 3;
  if (typeof value !== 'object' || value === null) return 10;
  let weight = 2;
  if (Array.isArray(value)) {
    for (const item of value) {
      weight += weigh(item, limit - weight);
      if (weight >= limit) break;
    }
    return weight;
  }
  for (const key in value) {
    weight += key.length + 4 + weigh((value as Record<string, unknown>)[key], limit - weight);
    if (weight >= limit) break;
  }
  return weight;
}

function* pieces(value: unknown, depth: number): Generator<string> {
  const plain = withoutMethods(value);
  if (typeof plain !== 'object' || plain === null || depth > MOST_DEEP || isSmall(plain)) {
    yield JSON.stringify(plain);
    return;
  }
  const isList = Array.isArray(plain);
  yield isList ? '[' : '{';
  let between = '';
  for (const group of isList ? listGroups(plain) : objectGroups(plain)) {
    if (group.large === undefined) {
      const text = JSON.stringify(group.small).slice(1, -1);
      if (text === '') continue;
      yield between + text;
    } else {
      yield `${between}${group.key === undefined ? '' : `${JSON.stringify(group.key)}:`}`;
      yield* pieces(group.large, depth + 1);
    }
    between = ',';
  }
  yield isList ? ']' : '}';
}

const withoutMethods = (value: unknown): unknown => {
  const { toJSON } = (value ?? {}) as { toJSON?: unknown };
  return typeof toJSON === 'function' ? toJSON.call(value, '') : value;
};

/** Neighbours that are written at once, or one that is large. */
interface Group {
  readonly small?: object;
  readonly large?: object;
  readonly key?: string;
}

function* listGroups(list: readonly unknown[]): Generator<Group> {
  let start = 0;
  let weight = 0;
  for (let at = 0; at < list.length; at++) {
    const own = weigh(list[at], SLICE);
    const isLarge = own >= SLICE && typeof list[at] === 'object';
    if ((isLarge || weight + own > SLICE) && at > start) {
      yield { small: list.slice(start, at) };
      start = at;
      weight = 0;
    }
    weight += own;
    if (!isLarge) continue;
    yield { large: list[at] as object };
    start = at + 1;
    weight = 0;
  }
  if (start < list.length) yield { small: list.slice(start) };
}

function* objectGroups(object: object): Generator<Group> {
  let small: [string, unknown][] = [];
  let weight = 0;
  for (const entry of Object.entries(object)) {
    const [key, value] = entry;
    const own = weigh(value, SLICE);
    if (own >= SLICE && typeof value === 'object') {
      yield { small: Object.fromEntries(small) };
      yield { large: value, key };
      small = [];
      weight = 0;
      continue;
    }
    small.push(entry);
    weight += own + key.length;
    if (weight <= SLICE) continue;
    yield { small: Object.fromEntries(small) };
    small = [];
    weight = 0;
  }
  yield { small: Object.fromEntries(small) };
}

/** A container of which some is read. */
interface Frame {
  readonly close: ']' | '}';
  readonly items: unknown[];
  readonly entries: [string, unknown][];
  /** Of the value that is being read. */
  key?: string;
}

/**
 * The value that `JSON.parse` gives.
 * @throws SyntaxError, also for what is nested deeper than anything that we write
 */
export async function readSliced(text: string): Promise<unknown> {
  if (text.length <= SLICE) return JSON.parse(text);
  const turns = new Turns();
  const frames: Frame[] = [];
  let at = 0;
  for (;;) {
    if (turns.over) await turns.next();
    at = afterBlanks(text, at);
    const frame = frames.at(-1);
    let value: unknown;
    if (frame && text[at] === frame.close) {
      value = whole(frame);
      frames.pop();
      at++;
    } else {
      const end = frame ? endOfRun(text, at) : at;
      if (frame && end > at) {
        take(frame, text.slice(at, end));
        at = end;
        separate();
        continue;
      }
      // What starts here is no run of small values: a container, or a long text.
      if (frame?.close === '}') {
        const colon = endOfText(text, at);
        frame.key = JSON.parse(text.slice(at, colon)) as string;
        at = afterBlanks(text, colon);
        if (text[at] !== ':') throw new SyntaxError(`no ":" at ${at}`);
        at = afterBlanks(text, at + 1);
      }
      if (text[at] === '[' || text[at] === '{') {
        if (frames.length >= MOST_DEEP) throw new SyntaxError('nested too deep');
        frames.push({ close: text[at] === '[' ? ']' : '}', items: [], entries: [] });
        at++;
        continue;
      }
      const last = text[at] === '"' ? endOfText(text, at) : endOfWord(text, at);
      value = JSON.parse(text.slice(at, last));
      at = last;
    }
    const parent = frames.at(-1);
    if (!parent) {
      if (afterBlanks(text, at) < text.length) throw new SyntaxError(`more behind ${at}`);
      return value;
    }
    if (parent.close === ']') parent.items.push(value);
    else parent.entries.push([parent.key as string, value]);
    separate();
  }

  /** Steps over a comma, behind which something follows. */
  function separate(): void {
    at = afterBlanks(text, at);
    const close = frames.at(-1)?.close;
    if (text[at] === close) return;
    if (text[at] !== ',') throw new SyntaxError(`no "," at ${at}`);
    at = afterBlanks(text, at + 1);
    if (text[at] === close) throw new SyntaxError(`nothing behind "," at ${at}`);
  }
}

const whole = ({ close, items, entries }: Frame) =>
  close === ']' ? items : Object.fromEntries(entries);

function take({ close, items, entries }: Frame, run: string): void {
  if (close === ']') for (const item of JSON.parse(`[${run}]`) as unknown[]) items.push(item);
  else entries.push(...Object.entries(JSON.parse(`{${run}}`) as object));
}

function afterBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \n\r\t'.includes(text[at])) at++;
  return at;
}

/** Where the whole values that start here and fit a slice end; where it started if the first does not fit. */
function endOfRun(text: string, from: number): number {
  const limit = from + SLICE;
  let end = from;
  let depth = 0;
  const structure = /["[\]{},]/g;
  structure.lastIndex = from;
  for (;;) {
    const found = structure.exec(text);
    const at = found?.index ?? text.length;
    if (at > limit || !found) return end;
    const [character] = found;
    if (character === '"') {
      const last = endOfText(text, at, limit);
      if (last > limit) return end;
      structure.lastIndex = last;
    } else if (character === '[' || character === '{') depth++;
    else if (character === ',') {
      if (depth === 0) end = at;
    } else {
      if (depth === 0) return at;
      depth--;
    }
  }
}

/** Behind the quote that ends a text; anywhere behind the limit where it ends later. */
function endOfText(text: string, from: number, limit = text.length): number {
  for (let at = from + 1; at <= limit; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code === 0x5c) at++;
    else if (Number.isNaN(code)) break;
  }
  if (limit < text.length) return limit + 1;
  throw new SyntaxError('a text that does not end');
}

function endOfWord(text: string, from: number): number {
  let at = from;
  while (at < text.length && !' \n\r\t,]}'.includes(text[at])) at++;
  return at;
}
