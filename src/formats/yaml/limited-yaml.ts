import {
  Composer,
  CST,
  type Document,
  isCollection,
  isPair,
  isScalar,
  Lexer,
  LineCounter,
  type ParsedNode,
  Parser,
  visit,
  YAMLParseError,
} from 'yaml';

/**
 * How large a YAML (or JSON) text may be. Each limit is several times what a real card, recipe, ablation or benchmark
 * file needs, and keeps a hostile one to about a second of one core and to a few hundred megabytes.
 */
export const yamlLimits = {
  /** Characters. A card that records five choices on 3,200 stimuli each has 130,000. */
  characters: 2 ** 20,
  /** Nested lists and maps; the deepest file that ships has 8. The library recurses for each. */
  depth: 64,
  /** Keys, items, values, indicators. A card that names all 21,841 classes of ImageNet has 65,000. */
  tokens: 150_000,
  /** Blanks, line ends and comments that follow each other: 500 lines of a comment. The library walks through them again and again. */
  blanks: 1000,
  /** Anchors, aliases and tags, each. They save typing in a recipe, and are rare. */
  references: 100,
  /** Tokens times aliases: each alias may repeat everything, and is looked up among everything. */
  repeated: 1_000_000,
  /** Syntax errors that are kept; the first one is reported. */
  errors: 100,
} as const;

/** What a text has too much of, and where. */
export class YamlLimitError extends Error {
  /** Offset in the text. */
  readonly at: number;

  constructor(at: number, words: string) {
    super(words);
    this.at = at;
  }
}

/**
 * Parses one YAML document as `parseDocument` of the library does, without comparing keys, and stops at the first limit that
 * is passed: before any tree is built. Errors of syntax are in `document.errors`.
 * @throws {@link YamlLimitError}
 */
export function parseLimitedYaml(text: string, lines = new LineCounter()): Document.Parsed {
  lines.addNewLine(0);
  if (text.length > yamlLimits.characters)
    throw new YamlLimitError(
      0,
      `the document has ${text.length} characters, at most ${yamlLimits.characters} are read`,
    );
  // The library compares each key of a map with every other, which takes seconds for a few thousand.
  const composer = new Composer({ prettyErrors: false, uniqueKeys: false });
  const documents = composer.compose(limitedTokens(text, lines), true, text.length);
  const { first, second } = withoutStacks(() => ({
    first: documents.next().value as Document.Parsed<ParsedNode>,
    second: documents.next(),
  }));
  if (!second.done) {
    const [start, end] = second.value.range;
    first.errors.push(
      new YAMLParseError(
        [start, end],
        'MULTIPLE_DOCS',
        'Source contains multiple documents; please use YAML.parseAllDocuments()',
      ),
    );
  }
  refuseNestedKeys(first);
  return first;
}

/** A key that is a list or map becomes text, and within another such key text in quotes in quotes: it doubles each time. */
function refuseNestedKeys(document: Document.Parsed): void {
  visit(document, {
    Pair(_place, { key }, ancestors) {
      if (!isCollection(key)) return;
      const within = ancestors.some((node, i) => isPair(node) && node.key === ancestors[i + 1]);
      if (within)
        throw new YamlLimitError(key.range?.[0] ?? 0, 'a list or map is a key within a key');
    },
  });
}

/** A node with its position. */
export interface PlacedNode {
  readonly range?: readonly [number, number, number] | null;
}

/** The first duplicate key of a map. */
export function repeatedKey(document: Document.Parsed): PlacedNode | undefined {
  let found: PlacedNode | undefined;
  visit(document, {
    Map(_place, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) {
          found = key as PlacedNode;
          return visit.BREAK;
        }
        seen.add(name);
      }
      return undefined;
    },
  });
  return found;
}

/** A text may have an error on each line, and a stack trace takes longer than the line. */
function withoutStacks<T>(work: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Tokens of the library's own lexer and parser, counted one by one on their way. */
function* limitedTokens(text: string, lines: LineCounter): Generator<CST.Token, void> {
  const parser = new Parser(lines.addNewLine);
  const count = new Counter(parser);
  let errors = 0;
  for (const lexeme of new Lexer().lex(text)) {
    count.take(lexeme);
    for (const token of parser.next(lexeme))
      if (token.type !== 'error' || ++errors <= yamlLimits.errors) yield token;
  }
  yield* parser.end();
}

type Counted = 'tokens' | 'anchors' | 'aliases' | 'tags';

const sentences: Readonly<Record<Counted, string>> = {
  tokens: 'the document has too many keys, items and values',
  anchors: 'the document has too many anchors',
  aliases: 'the document has too many aliases',
  tags: 'the document has too many tags',
};

class Counter {
  readonly #parser: Parser;
  readonly #counts: Record<Counted, number> = { tokens: 0, anchors: 0, aliases: 0, tags: 0 };
  #blanks = 0;
  /** The lexeme before said that a scalar follows, which may look like anything. */
  #inScalar = false;

  constructor(parser: Parser) {
    this.#parser = parser;
  }

  take(lexeme: string): void {
    if (this.#parser.stack.length > yamlLimits.depth)
      this.#refuse('the document is nested too deep', yamlLimits.depth);
    if (this.#inScalar) {
      this.#inScalar = false;
      return;
    }
    const type = CST.tokenType(lexeme);
    if (type === 'scalar') this.#inScalar = true;
    if (type === 'space' || type === 'newline' || type === 'comment') {
      if (++this.#blanks > yamlLimits.blanks)
        this.#refuse('the document has too many blanks and comments in a row', yamlLimits.blanks);
      return;
    }
    this.#blanks = 0;
    this.#add('tokens', yamlLimits.tokens);
    if (type === 'anchor') this.#add('anchors', yamlLimits.references);
    else if (type === 'tag' || type === 'directive-line') this.#add('tags', yamlLimits.references);
    else if (type === 'alias') this.#add('aliases', yamlLimits.references);
    const { tokens, aliases } = this.#counts;
    if (tokens * aliases > yamlLimits.repeated)
      this.#refuse('the document has too many aliases for its size', yamlLimits.repeated);
  }

  #add(what: Counted, most: number): void {
    if (++this.#counts[what] > most) this.#refuse(sentences[what], most);
  }

  #refuse(sentence: string, most: number): never {
    throw new YamlLimitError(this.#parser.offset, `${sentence}: at most ${most} are read`);
  }
}
