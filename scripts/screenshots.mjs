// Images of every page at two widths, light and dark, and of the road of one's own recordings, into docs/images: a
// service of its own scores, maps and trains for real (some minutes), and a real browser looks at it.
//
//   npm run build && node scripts/screenshots.mjs [FOLDER] [--home HOME] [--widths 360,768,1920]
//
// A home that is kept is not scored again. With widths all screens of a page are in its image, and there is no road.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import chromium from '@sparticuz/chromium';
import { chromium as driver } from 'playwright-core';
import sharp from 'sharp';
import { walkRoad } from './road.mjs';

const root = resolve(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  options: { home: { type: 'string' }, widths: { type: 'string' } },
  allowPositionals: true,
});
const folder = resolve(positionals[0] ?? join(root, 'docs', 'images'));
const home = values.home ?? mkdtempSync(join(tmpdir(), 'ventral-screenshots-'));
const standard = { wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } };
const widths = values.widths
  ? Object.fromEntries(
      values.widths.split(',').map((each) => [each, { width: Number(each), height: 900 }]),
    )
  : standard;
/** Screens of a page that its image has at most. */
const screens = values.widths ? 8 : 3;
const shown = ['gabor-v1', 'objects-resnet', 'pixels', 'resnet-20', 'untrained-cnn'];
const seen = { generate: 'objects-on-backgrounds', seed: 1, count: 600, side: 64 };
const threats = [1, 2, 4].map((epsilon) => ({ norm: 'Linf', epsilon: `${epsilon}/255` }));
const recipe = {
  name: 'objects-small',
  model: 'objects-resnet',
  weights: 'redrawn',
  seed: 1,
  data: { train: seen, test: { ...seen, seed: 2, count: 200 } },
  stages: [
    { train: { name: 'plain', epochs: 4, batch: 32, rate: 0.05 } },
    { evaluate: { checkpoints: ['plain'], threats, count: 100 } },
    { score: { checkpoints: ['untrained', 'plain', 'pixels'], benchmarks: ['Simulated.V1-pls'] } },
  ],
};

const main = join(root, 'dist', 'program', 'cli', 'main.js');
const server = spawn(process.execPath, [main, 'serve', '--home', home, '--port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.once('exit', () => server.kill());
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const base = await new Promise((ready) => {
  createInterface({ input: server.stdout }).on('line', (line) => {
    const found = /^ventral is ready at (http:\/\/\S+)$/.exec(line);
    if (found) ready(found[1]);
  });
});

async function ask(path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const post = body && { method: 'POST', headers, body: JSON.stringify(body) };
  const answer = await fetch(base + path, post || undefined);
  const found = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(found)}`);
  return found;
}

/** The job of a kind that is there already, or a new one, once it has ended. */
async function ended(path, body) {
  let job = (await ask(`${path}?state=succeeded`)).items[0] ?? (await ask(path, body));
  while (job.state === 'queued' || job.state === 'running') {
    await sleep(1000);
    job = await ask(job.links.self);
  }
  if (job.state !== 'succeeded') throw new Error(JSON.stringify(job));
  return job;
}

async function scored() {
  for (;;) {
    const { items } = await ask('/v1/leaderboard?simulated=true&limit=200');
    if (shown.every((name) => items.some((item) => item.name === name))) return;
    await sleep(2000);
  }
}

const map = await ended('/v1/layer-maps', {
  model: 'objects-resnet',
  benchmarks: ['Simulated.V1-pls', 'Simulated.V2-pls', 'Simulated.V4-pls', 'Simulated.IT-pls'],
});
const training = await ended('/v1/trainings', { recipe });
await scored();
const [score] = (await ask('/v1/scores?owner=ventral&model=objects-resnet')).items;

const pages = {
  leaderboard: '/?simulated=true',
  model: '/models/objects-resnet',
  compare: '/compare?model=objects-resnet&model=gabor-v1&model=untrained-cnn&simulated=true',
  benchmarks: '/benchmarks',
  benchmark: '/benchmarks/Simulated.V1-pls',
  submit: '/submit',
  score: `/scores/${score.id}`,
  'layer-map': `/layer-maps/${map.id}`,
  trainings: '/trainings',
  training: `/trainings/${training.id}`,
  service: '/admin',
  docs: '/docs',
  document: '/docs/own-recordings',
};

mkdirSync(folder, { recursive: true });
const browser = await driver.launch({
  executablePath: await chromium.executablePath(),
  args: ['--no-sandbox'],
});
for (const [width, viewport] of Object.entries(widths)) {
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({ viewport, colorScheme, reducedMotion: 'reduce' });
    const page = await context.newPage();
    for (const [name, path] of Object.entries(pages)) {
      await page.goto(base + path);
      await page.waitForSelector('h1');
      if (name === 'submit') await submitted(page);
      // Streams of events stay open: there is no moment without a request to wait for.
      await page
        .getByText(/^(?:Loading|Reading).*…$/)
        .first()
        .waitFor({ state: 'detached', timeout: 60_000 });
      await sleep(1200);
      const picture = await page.screenshot({ fullPage: true });
      await sharp(picture)
        .extract({ left: 0, top: 0, ...(await within(picture, viewport)) })
        .png({ palette: true, colours: 128, effort: 10 })
        .toFile(join(folder, `${name}-${width}-${colorScheme}.png`));
    }
    await context.close();
  }
}
if (!values.widths) await walkRoad({ browser, base, root, folder });
await browser.close();
server.kill();

/** A file chosen, uploaded and checked, its card to complete. */
async function submitted(page) {
  const file = join(root, 'models', 'objects-resnet', 'model.onnx');
  await page.locator('input[type=file]').first().setInputFiles(file);
  await page.locator('main button.primary').first().click();
  await page.locator('.card-text').waitFor();
}

/** As much of a long page as an image has. */
async function within(picture, viewport) {
  const { width, height } = await sharp(picture).metadata();
  return { width, height: Math.min(height, screens * viewport.height) };
}
