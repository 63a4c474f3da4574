import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';

const run = promisify(execFile);

/**
 * Generates the data of the public simulated benchmarks once for all homes of a run (`globalSetup`), as the build does those
 * of the others.
 */
export default async function setup(): Promise<void> {
  await Promise.all(
    ['textures', 'objects', 'objects-2afc'].map((name) => {
      const script = `const { simulatedFiles } = await import('./dist/src/scoring/benchmark/simulated-data.js');
        await simulatedFiles('dist/prepared', '${name}', 1);`;
      return run(process.execPath, ['--input-type=module', '--eval', script], { cwd: packageRoot });
    }),
  );
}
