import { execFileSync } from 'node:child_process';

/** Debian's own Python, whatever comes first on the PATH. */
export const python = '/usr/bin/python3';

/** Whether it has these modules. */
export function pythonHas(...modules: readonly string[]): boolean {
  try {
    execFileSync(python, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
