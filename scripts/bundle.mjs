// Joins the modules of dist/src into few files in dist/program, so that a command that scores reads a third as many: the
// command line, and what runs in threads and processes of its own.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiled = join(root, 'dist', 'src');

/** Packages that look for files of their own (binaries, WebAssembly, fonts, workers), or that few commands need. */
const apart =
  /^(?:node:|onnxruntime|sharp$|@img\/|h5wasm|@electric-sql\/|pg$|pg-|pino|thread-stream|piscina|@tensorflow\/|@expo-google-fonts\/|@aws-sdk\/|pdfkit|apache-arrow|mathjs)/;

/** Modules of such names that others import. */
const imported = ['start-worker.js', 'unpack-in-child.js'];
const started = readdirSync(compiled, { recursive: true }).filter(
  (path) =>
    path === join('cli', 'main.js') ||
    (/-(?:child|worker)\.js$/.test(path) && !imported.includes(basename(path))),
);
const bundle = await rolldown({
  input: Object.fromEntries(
    started.map((path) => [path.replace(/\.js$/, ''), join(compiled, path)]),
  ),
  platform: 'node',
  external: apart,
  // What a module does when it is loaded is kept.
  treeshake: false,
});
const folder = join(root, 'dist', 'program');
const { output } = await bundle.write({
  dir: folder,
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: 'shared/[hash].js',
});
await bundle.close();
const written = new Set(output.map(({ fileName }) => join(folder, fileName)));
for (const path of readdirSync(folder, { recursive: true })) {
  const file = join(folder, path);
  if (statSync(file).isFile() && !written.has(file)) rmSync(file);
}
