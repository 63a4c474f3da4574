import { sep } from 'node:path';
import { packageRoot } from '../../formats/package-root.js';
import type { Problem } from './problem-details.js';

/**
 * A problem without the paths of a home and of ventral itself: files are named without their folders, so that
 * server paths stay private.
 */
export function redactPaths<P extends Pick<Problem, 'detail' | 'errors'>>(
  problem: P,
  home: string,
): P {
  const { detail, errors } = problem;
  return {
    ...problem,
    detail: withoutFolders(detail, home),
    ...(errors
      ? { errors: errors.map((part) => ({ ...part, detail: withoutFolders(part.detail, home) })) }
      : {}),
  };
}

function withoutFolders(text: string, home: string): string {
  return [home, packageRoot].reduce((short, folder) => {
    const [first, ...others] = short.split(folder + sep);
    return first + others.map((path) => path.replace(/^(?:[\w.:@-]+[/\\])*/, '')).join('');
  }, text);
}
