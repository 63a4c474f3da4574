import type { ConstantNode, FunctionNode, MathNode, OperatorNode, SymbolNode } from 'mathjs';
import { VentralError } from '../errors/ventral-error.js';

/** Names allowed in a formula: nodes of the tree. */
export const formulaNames = [
  'average',
  'V1',
  'V2',
  'V4',
  'IT',
  'behavior',
  'engineering',
  'Marques2020',
] as const;

/** Something that a formula takes its numbers from. */
export type FormulaVariable =
  | { readonly kind: 'node'; readonly id: (typeof formulaNames)[number] }
  | { readonly kind: 'benchmark'; readonly id: string; readonly column: number };

/** A formula that was understood. */
export interface Formula {
  readonly text: string;
  /** Each once, in the order in which they appear. */
  readonly variables: readonly FormulaVariable[];
  /** The value at the variables' values, in their order; NaN or infinite if it is not defined. */
  evaluate(values: readonly number[]): number;
}

type Evaluate = Formula['evaluate'];

const MOST_CHARACTERS = 200;
const MOST_NODES = 50;
const MOST_EXPONENT = 16;

const functions: Readonly<Record<string, { least: number; most: number; of: typeof Math.min }>> = {
  mean: { least: 1, most: MOST_NODES, of: (...all) => all.reduce((a, b) => a + b, 0) / all.length },
  min: { least: 1, most: MOST_NODES, of: Math.min },
  max: { least: 1, most: MOST_NODES, of: Math.max },
  abs: { least: 1, most: 1, of: Math.abs },
  sqrt: { least: 1, most: 1, of: Math.sqrt },
};

const words = new Set<string>([...formulaNames, ...Object.keys(functions), 'b']);

/**
 * Reads a formula over averages and benchmarks, such as `0.5*V1 + 0.5*behavior`. mathjs parses it and
 * evaluates nothing: of its tree only numbers, + − * / ^ with an exponent that is a number of at most 16, the
 * names and functions above and `b("<benchmark>")` are taken.
 * @throws VentralError `formula-invalid`, which names the character, counted from 1, for everything else
 */
export async function readFormula(text: string): Promise<Formula> {
  if ([...text].length > MOST_CHARACTERS)
    throw refusal(MOST_CHARACTERS + 1, `a formula has at most ${MOST_CHARACTERS} characters`);
  const columns = leafColumns(text);
  // A quarter of a second, only for the first formula.
  const { parse } = await import('mathjs/number');
  let tree: MathNode;
  try {
    tree = parse(text);
  } catch (error) {
    throw notUnderstood(error, text);
  }
  return new Reader(text, tree, columns).formula();
}

function refusal(column: number, why: string): VentralError {
  return new VentralError('formula-invalid', `Character ${column} of the formula: ${why}`);
}

function notUnderstood(error: unknown, text: string): VentralError {
  const { char, message } = error as { char?: number; message?: string };
  const why = (message ?? 'it cannot be parsed').replace(/ \(char \d+\)$/, '');
  return refusal(Math.min(char ?? 1, text.length + 1), why.charAt(0).toLowerCase() + why.slice(1));
}

const token =
  /(?<space> +)|(?<name>[A-Za-z_]\w*)|(?<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?<string>"[^"\\]*")|(?<sign>[-+*/^(),])/uy;

/**
 * Columns of the names, numbers and strings. They are the leaves of the tree in the order in which it is
 * walked, and mathjs does not say where a node stands.
 * @throws for what no formula holds
 */
function leafColumns(text: string): number[] {
  const columns: number[] = [];
  token.lastIndex = 0;
  while (token.lastIndex < text.length) {
    const column = token.lastIndex + 1;
    const found = token.exec(text)?.groups;
    if (!found) {
      const character = String.fromCodePoint(text.codePointAt(column - 1) ?? 0);
      throw refusal(column, `${JSON.stringify(character)} is not allowed here`);
    }
    if (found.name !== undefined && !words.has(found.name))
      throw refusal(column, `"${found.name}" is not one of ${[...words].join(', ')}`);
    if (found.space === undefined && found.sign === undefined) columns.push(column);
  }
  if (columns.length === 0) throw refusal(1, 'it has no number and no name');
  return columns;
}

/** Turns the tree into a function; every kind of node that is not named here is refused. */
class Reader {
  readonly #text: string;
  readonly #tree: MathNode;
  readonly #columns: ReadonlyMap<MathNode, number>;
  readonly #variables = new Map<string, FormulaVariable>();

  constructor(text: string, tree: MathNode, columns: readonly number[]) {
    this.#text = text;
    this.#tree = tree;
    this.#columns = columnsOf(tree, columns);
  }

  formula(): Formula {
    const evaluate = this.#read(this.#tree);
    return { text: this.#text, variables: [...this.#variables.values()], evaluate };
  }

  #read(node: MathNode): Evaluate {
    switch (node.type) {
      case 'ConstantNode':
        return this.#number(node as ConstantNode);
      case 'ParenthesisNode':
        return this.#read((node as unknown as { content: MathNode }).content);
      case 'SymbolNode':
        return this.#name(node as SymbolNode);
      case 'OperatorNode':
        return this.#operator(node as OperatorNode);
      case 'FunctionNode':
        return this.#call(node as FunctionNode);
      default:
        throw this.#refusal(node, 'only + - * / ^, numbers, names and functions are understood');
    }
  }

  #number(node: ConstantNode): Evaluate {
    const { value } = node as { value: unknown };
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw this.#refusal(node, 'a number is expected here');
    return () => value;
  }

  #name(node: SymbolNode): Evaluate {
    const id = formulaNames.find((name) => name === node.name);
    if (!id) throw this.#refusal(node, `"${node.name}" is a function: it needs parentheses`);
    return this.#variable(`node ${id}`, { kind: 'node', id });
  }

  #variable(key: string, variable: FormulaVariable): Evaluate {
    if (!this.#variables.has(key)) this.#variables.set(key, variable);
    const position = [...this.#variables.keys()].indexOf(key);
    return (values) => values[position];
  }

  #operator(node: OperatorNode): Evaluate {
    const { fn, args, implicit } = node as unknown as {
      fn: string;
      args: MathNode[];
      implicit: boolean;
    };
    if (implicit) throw this.#refusal(args[1], 'an operator is missing before this');
    if (fn === 'pow') return this.#power(args[0], args[1]);
    const [a, b] = args.map((arg) => this.#read(arg));
    switch (fn) {
      case 'unaryMinus':
        return (values) => -a(values);
      case 'unaryPlus':
        return a;
      case 'add':
        return (values) => a(values) + b(values);
      case 'subtract':
        return (values) => a(values) - b(values);
      case 'multiply':
        return (values) => a(values) * b(values);
      case 'divide':
        return (values) => a(values) / b(values);
      default:
        throw this.#refusal(node, 'only + - * / ^ are understood');
    }
  }

  #power(base: MathNode, exponent: MathNode): Evaluate {
    const of = this.#read(base);
    const fixed = holdsName(exponent) ? Number.NaN : this.#read(exponent)([]);
    if (!(Math.abs(fixed) <= MOST_EXPONENT))
      throw this.#refusal(
        exponent,
        `an exponent is a number from -${MOST_EXPONENT} to ${MOST_EXPONENT}`,
      );
    return (values) => of(values) ** fixed;
  }

  #call(node: FunctionNode): Evaluate {
    const { fn, args } = node as unknown as { fn: MathNode & { name?: string }; args: MathNode[] };
    const name = fn.name ?? '';
    if (name === 'b') return this.#benchmark(node, args);
    const called = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (!called) throw this.#refusal(node, `"${name}" is not a function`);
    if (args.length < called.least || args.length > called.most)
      throw this.#refusal(node, `${name} takes ${called.most === 1 ? 'one value' : 'values'}`);
    const read = args.map((arg) => this.#read(arg));
    return (values) => called.of(...read.map((each) => each(values)));
  }

  #benchmark(node: MathNode, args: readonly MathNode[]): Evaluate {
    const [id] = args.map((arg) => (arg as { value?: unknown }).value);
    if (args.length !== 1 || args[0].type !== 'ConstantNode' || typeof id !== 'string')
      throw this.#refusal(node, 'b takes the id of a benchmark in double quotes');
    const column = this.#columns.get(args[0]) ?? 1;
    return this.#variable(`benchmark ${id}`, { kind: 'benchmark', id, column });
  }

  #refusal(node: MathNode, why: string): VentralError {
    return refusal(this.#columns.get(node) ?? 1, why);
  }
}

const holdsName = (node: MathNode) =>
  node.filter((each) => each.type === 'SymbolNode' && words.has((each as SymbolNode).name)).length >
  0;

/**
 * Start of each node, which is the start of its first leaf.
 * @throws if there are too many
 */
function columnsOf(tree: MathNode, leaves: readonly number[]): Map<MathNode, number> {
  const columns = new Map<MathNode, number>();
  let next = 0;
  tree.traverse((node) => {
    // A leaf comes after all nodes that start with it.
    columns.set(node, leaves[Math.min(next, leaves.length - 1)]);
    if (node.type === 'SymbolNode' || node.type === 'ConstantNode') next++;
  });
  const names = tree.filter((node, path) => path === 'fn' && node.type === 'SymbolNode').length;
  const nodes = columns.size - names;
  if (nodes > MOST_NODES)
    throw refusal(
      [...columns.values()][MOST_NODES],
      `a formula has at most ${MOST_NODES} nodes, this one has ${nodes}`,
    );
  return columns;
}
