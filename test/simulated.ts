import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { packageRoot } from '../src/formats/package-root.js';

const run = promisify(execFile);

/**
 * Prepares the data of the public simulated benchmarks once for all homes of a run (`globalSetup`); the build prepares
 * those of the others.
 */
export default async function setup(): Promise<void> {
  await Promise.all(
    ['textures', 'objects', 'objects-2afc'].map((name) => {
      const script = `const { prepareSimulated } = await import('./dist/src/scoring/benchmark/simulated-data.js');
        await prepareSimulated('${name}', 1);`;
      return run(process.execPath, ['--input-type=module', '--eval', script], { cwd: packageRoot });
    }),
  );
}
