import { copyFile, mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

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

/** The browser application: `src/web` becomes the static files of `dist/web`, which the service serves. */
export default defineConfig({
  root: 'src/web',
  publicDir: false,
  plugins: [swaggerUi],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../../dist/web',
    emptyOutDir: true,
    target: 'es2022',
    // The Content-Security-Policy lets no data: address through.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
  },
});
