import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';

const bundles = join(import.meta.dirname, '../../../node_modules/nsfwjs/dist/models');

/** What a browser bundle puts on its global. The objects come from another realm, hence the round trip. */
async function evaluated(file: string): Promise<Record<string, never>> {
  const realm = createContext({});
  runInContext(await readFile(file, 'utf8'), realm);
  return JSON.parse(runInContext('JSON.stringify(this)', realm));
}

/** Writes MobileNetV2 of the package nsfwjs as a layers model: `model.json` and one shard. */
export async function writeNsfwjsModel(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { model } = await evaluated(join(bundles, 'mobilenet_v2/model.min.js'));
  const shard = await evaluated(join(bundles, 'mobilenet_v2/group1-shard1of1.min.js'));
  const [base64] = Object.values(shard);
  await writeFile(join(folder, 'model.json'), JSON.stringify(model));
  await writeFile(join(folder, 'group1-shard1of1'), Buffer.from(base64, 'base64'));
}
