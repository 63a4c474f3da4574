import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';

const bundles = join(import.meta.dirname, '../../../node_modules/nsfwjs/dist/models');

/** What a browser bundle puts on its global. The objects come from another realm, hence the round trip. */
async function evaluated(file: string): Promise<Record<string, never>> {
  const realm = createContext({});
  runInContext(await readFile(file, 'utf8'), realm);
  return JSON.parse(runInContext('JSON.stringify(this)', realm));
}

/** Networks that the package nsfwjs brings: two layers models and a graph model. */
export type NsfwjsModel = 'mobilenet_v2' | 'mobilenet_v2_mid' | 'inception_v3';

/** Writes a network of the package as TensorFlow.js would have it in a folder: `model.json` and its shards. */
export async function writeNsfwjsModel(name: NsfwjsModel, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { model } = await evaluated(join(bundles, name, 'model.min.js'));
  await writeFile(join(folder, 'model.json'), JSON.stringify(model));
  for (const file of await readdir(join(bundles, name))) {
    if (!file.startsWith('group')) continue;
    const [base64] = Object.values(await evaluated(join(bundles, name, file)));
    await writeFile(join(folder, file.replace('.min.js', '')), Buffer.from(base64, 'base64'));
  }
}
