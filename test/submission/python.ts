import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Runs Python; undefined where there is none. Throws what it printed where it fails. */
export function python(script: string, input: unknown): unknown {
  const interpreter = found();
  if (interpreter === undefined) return undefined;
  const { status, stdout, stderr } = spawnSync(interpreter, [join(import.meta.dirname, script)], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  if (status !== 0) throw new Error(`${script}: ${stderr.slice(-3000)}`);
  return JSON.parse(stdout);
}

const interpreters = ['/usr/bin/python3', 'python3'];
const has = (modules: string) => (path: string) =>
  spawnSync(path, ['-c', `import ${modules}`], { stdio: 'ignore' }).status === 0;

const found = (): string | undefined => interpreters.find(has('ast'));

/** Whether packages can be run here: Python with ONNX Runtime, numpy and Pillow. */
export const canRunPackages = (): boolean =>
  found() !== undefined && has('onnxruntime, numpy, PIL')(found() as string);
export const hasPython = (): boolean => found() !== undefined;
