import type { MathNode } from 'mathjs';

const names = ['average', 'V1', 'V2', 'V4', 'IT', 'behavior', 'engineering', 'Marques2020'];
const functions = ['mean', 'min', 'max', 'abs', 'sqrt', 'b'];

/** What a formula may be made of, for those who write one. */
export const formulaWords = { names, functions };

/**
 * What is wrong with a formula that is being written, in words; null if nothing is found. mathjs, which loads
 * with the first formula, finds what it cannot read; what is then left the service judges, which evaluates it.
 */
export async function formulaFault(text: string): Promise<string | null> {
  const { parse } = await import('mathjs/number');
  try {
    return wrongNode(parse(text));
  } catch (error) {
    return (error as Error).message;
  }
}

function wrongNode(tree: MathNode): string | null {
  let fault: string | null = null;
  tree.traverse((node, path) => {
    fault ??= faultOf(node as Read, path);
  });
  return fault;
}

/** What of mathjs's nodes is looked at. */
interface Read {
  readonly type: string;
  readonly name?: string;
  readonly op?: string;
  readonly implicit?: boolean;
}

const kinds = ['ConstantNode', 'ParenthesisNode', 'SymbolNode', 'OperatorNode', 'FunctionNode'];

function faultOf(
  { type, name = '', op = '', implicit = false }: Read,
  path: string,
): string | null {
  if (!kinds.includes(type) || (type === 'OperatorNode' && !'+-*/^'.includes(op)))
    return 'Only + - * / ^, numbers, names and functions are allowed';
  if (implicit) return 'An operator is missing, such as * between two names';
  if (type === 'SymbolNode' && !(path === 'fn' ? functions : names).includes(name))
    return `“${name}” is not one of ${(path === 'fn' ? functions : names).join(', ')}`;
  return null;
}
