import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';
import { parse } from 'yaml';

/** The two files of Swagger UI that the page of the interface needs go to `dist/swagger-ui` as they are. */
const swaggerUi: Plugin = {
  name: 'swagger-ui',
  async closeBundle() {
    const folder = new URL('dist/swagger-ui/', import.meta.url);
    await mkdir(folder, { recursive: true });
    for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js'])
      await copyFile(
        fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`)),
        new URL(name, folder),
      );
  },
};

/** `openapi.yaml` parsed ahead, for a quicker start (`src/formats/api-description.ts`). */
const parsedDescription: Plugin = {
  name: 'parsed-description',
  async closeBundle() {
    const text = await readFile(new URL('openapi.yaml', import.meta.url), 'utf8');
    const sha256 = createHash('sha256').update(text).digest('hex');
    const built = JSON.stringify({ sha256, document: parse(text) });
    await writeFile(new URL('dist/openapi.json', import.meta.url), built);
  },
};

/** The browser application: `src/web` becomes the static files of `dist/web`, which the service serves. */
export default defineConfig({
  root: 'src/web',
  publicDir: false,
  plugins: [swaggerUi, parsedDescription],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    // The application, and what the documents of the service need.
    rolldownOptions: {
      input: ['index.html', 'docs.html'].map((name) =>
        fileURLToPath(new URL(`src/web/${name}`, import.meta.url)),
      ),
    },
    target: 'es2022',
    // The Content-Security-Policy lets no data: address through.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
  },
});
