import type { Document, LineCounter, Node } from 'yaml';

/** A stretch of a text. */
export interface Place {
  /** From 1. */
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

/** What is wrong with a text, and where. */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
  readonly place: Place | undefined;
}

/** A recipe as it was written, or what keeps it from being read. */
export type ReadRecipe =
  | {
      readonly recipe: Record<string, unknown>;
      /** Where the part of a JSON pointer stands, or the nearest part around it. */
      readonly placeOf: (pointer: string) => Place | undefined;
    }
  | { readonly faults: readonly Fault[] };

/** Reads a recipe, YAML or JSON, which YAML holds. The reader of YAML loads when it is first needed. */
export async function readRecipe(text: string): Promise<ReadRecipe> {
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0)
    return {
      faults: document.errors.map(({ message, pos: [from, to] }) => ({
        ...{ pointer: '', detail: message },
        place: placed(lines, from, to),
      })),
    };
  const recipe: unknown = document.toJS({ maxAliasCount: 100 });
  if (typeof recipe !== 'object' || recipe === null || Array.isArray(recipe))
    return {
      faults: [
        { pointer: '', detail: 'A recipe must be a mapping of keys to values', place: undefined },
      ],
    };
  return {
    recipe: recipe as Record<string, unknown>,
    placeOf: (pointer) => placeIn(document, lines, pointer),
  };
}

/** A recipe as YAML. */
export async function writeRecipe(recipe: object): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(recipe, { lineWidth: 100 });
}

const placed = (lines: LineCounter, from: number, to: number): Place => ({
  ...{ line: lines.linePos(from).line, from },
  to: Math.max(to, from + 1),
});

function placeIn(document: Document, lines: LineCounter, pointer: string): Place | undefined {
  const path = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth).map(keyOf), true) as Node | undefined;
    if (node?.range) return placed(lines, node.range[0], node.range[1]);
  }
  return undefined;
}

const keyOf = (part: string) => (/^\d+$/.test(part) ? Number(part) : part);
