// Pictures of the road from recordings of one's own to figures of a comparison, as docs/own-recordings.md shows it: the
// example of docs/examples/recordings (made recordings), and as one's own network a bank of Gabor filters.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { build } from '../dist/models/gabor-v1/build.js';
import { writeZip } from '../dist/src/formats/zip.js';

const viewport = { width: 1280, height: 800 };
const regions = ['V1', 'V2', 'V4', 'IT', 'behavior'];

/**
 * Walks the road in a browser, and writes its pictures.
 * @param browser of the driver
 * @param base address of a service on which objects-resnet and pixels have scores
 * @param root of the project
 * @param folder for the pictures
 */
export async function walkRoad({ browser, base, root, folder }) {
  const own = mkdtempSync(join(tmpdir(), 'ventral-road-'));
  const context = await browser.newContext({
    viewport,
    colorScheme: 'light',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(300_000);
  const show = async (name, { screens = 1 } = {}) => {
    await page.mouse.move(0, 0);
    await page.waitForTimeout(1000);
    const whole = await page.screenshot({ fullPage: true });
    const { width, height } = await sharp(whole).metadata();
    await sharp(whole)
      .extract({
        left: 0,
        top: 0,
        width,
        height: Math.min(height, Math.round(screens * viewport.height)),
      })
      .png({ palette: true, colours: 128, effort: 10 })
      .toFile(join(folder, `road-${name}.png`));
  };
  const press = (role, name) =>
    page.getByRole(role, { name, exact: typeof name === 'string' }).click();
  const done = () => page.getByText('Done', { exact: true }).waitFor();

  await page.goto(`${base}/benchmarks`);
  await page.getByLabel('ZIP archive').setInputFiles(await zipExample(root, own));
  await page.locator('#upload').screenshot({ path: join(folder, 'road-1-upload.png') });
  await press('button', /^Upload/);
  await page.waitForURL('**/benchmarks/bmk_*');
  await page.getByRole('region', { name: 'Ceilings' }).waitFor();
  await page.locator('canvas[aria-busy=false]').nth(11).waitFor();
  await show('2-benchmark', { screens: 2 });
  const benchmark = page.url();
  for (const model of ['objects-resnet', 'pixels']) {
    await page.goto(benchmark);
    await page.getByText('Score a model on this benchmark').click();
    await page.getByRole('combobox', { name: /^Model/ }).selectOption(model);
    await press('button', 'Score');
    await page.waitForURL('**/scores/job_*');
    await done();
  }
  await page.locator('nav.onward').getByRole('link', { name: 'Leaderboard' }).click();
  await page.locator('.board').getByText('uploaded').first().waitFor();
  await show('3-board');

  await page.goto(`${base}/submit`);
  const network = join(own, 'lab-net.onnx');
  writeFileSync(network, build());
  await page.getByLabel('Drop an ONNX file here').setInputFiles(network);
  await press('button', 'Upload and check');
  await page.getByRole('radio', { name: 'minus-one-to-one' }).check();
  await press('button', 'Save the card');
  for (const region of regions) await press('checkbox', region);
  await page.getByText(/^Map on uploaded or installed recordings/).click();
  await press('checkbox', 'Map on my-lab.V4-pls');
  await press('button', 'Map the layers');
  await page.waitForURL('**/layer-maps/job_*');
  await done();
  await page.locator('.chart svg').waitFor();
  await show('4-map', { screens: 1.4 });
  await press('button', 'Write the chosen layers to the model’s card');
  await press('link', 'Score the model');
  await press('button', 'Clear simulated');
  await press('checkbox', 'my-lab.V4-pls');
  for (const region of regions.filter((each) => each !== 'V4')) await press('checkbox', region);
  await press('button', 'Score on 1 benchmark');
  await page.waitForURL('**/scores/job_*');
  await done();
  await press('link', 'Compare with other models');
  await press('button', 'Add objects-resnet');
  await page.getByText(/2 of at most/).waitFor();
  const add = page.getByRole('button', { name: 'Add pixels' });
  if (!(await add.isVisible())) await page.getByText(/^Add a model/).click();
  await add.click();
  await page.getByText(/3 of at most/).waitFor();
  await page.locator('.layer-heatmap td').first().waitFor();
  await show('5-compare', { screens: 2.2 });
  for (const [of, item, name] of [
    ['Differences', 'Figure, one column (SVG)', 'differences'],
    ['Layers of lab-net by benchmarks', 'Heat map, one column (SVG)', 'heat-map'],
  ]) {
    await press('button', `Export ${of}`);
    const saving = page.waitForEvent('download');
    await press('menuitem', item);
    await (await saving).saveAs(join(folder, `road-${name}.svg`));
  }
  await context.close();
  rmSync(own, { recursive: true });
}

/** The example, packed as a service takes it: its images in a ZIP of their own. */
async function zipExample(root, folder) {
  const example = join(root, 'docs', 'examples', 'recordings');
  const files = (from, names) =>
    names.map((name) => ({ name, data: readFileSync(join(from, name)), compress: true }));
  const images = join(folder, 'images.zip');
  await writeZip(images, files(join(example, 'images'), readdirSync(join(example, 'images'))));
  const yaml = readFileSync(join(example, 'v4.yaml'), 'utf8').replace(
    'images: images',
    'images: images.zip',
  );
  const path = join(folder, 'my-lab.zip');
  await writeZip(path, [
    { name: 'v4.yaml', data: Buffer.from(yaml), compress: true },
    ...files(folder, ['images.zip']),
    ...files(example, ['stimuli.csv', 'recordings.csv', 'neuroids.csv']),
  ]);
  return path;
}
