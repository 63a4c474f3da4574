import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { stringify } from 'yaml';
import { openModelFile } from '../../activations/model-file.js';
import { type PullOptions, pullFile } from '../../data/download.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import { writeFileAtomic } from '../../formats/write-file-atomic.js';
import { type ImportReport, importCheckpoint } from '../import-checkpoint.js';
import { nameImages } from './name-images.js';
import { type PublicFile, type PublicModel, publicCatalog } from './public-models.js';
import { withRaisedOpset } from './raise-opset.js';

/** A public network that is here, ready to score. */
export interface PulledModel {
  readonly name: string;
  /** ONNX file. */
  readonly path: string;
  /** Card beside it. */
  readonly card: string;
  readonly digest: string;
  /** Undefined for a network that was ONNX before. */
  readonly imported?: ImportReport;
  /** Test images that it names right; undefined where they were not asked for. */
  readonly images?: { readonly right: number; readonly shown: number; readonly expected?: number };
}

/** How a public network is pulled. */
export interface PullModelOptions extends PullOptions {
  /** Whether test images are fetched and shown to it. */
  readonly tryImages: boolean;
  readonly threads?: number;
}

/**
 * Fetches a public network (resumed, checked by its digest), imports it where it is not ONNX, writes its card beside
 * it in HOME/networks/NAME, and shows it a few photographs.
 * @throws VentralError what the download and the import throw, and `import-differs` where it names fewer of the
 *   images than it should: then preprocessing or file are not what the catalog took them for
 */
export async function pullModel(
  model: PublicModel,
  options: PullModelOptions,
): Promise<PulledModel> {
  const source = await fetched(model, model.name, options);
  const folder = join(options.home, 'networks', model.name);
  // A network that fails its images does not take the place of one that passed.
  const made = join(options.home, 'networks', `.${model.name}.new`);
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { recursive: true });
  const [onnx, yaml] = [`${model.name}.onnx`, `${model.name}.yaml`];
  try {
    const imported = await asOnnx(model, source, join(made, onnx), options.threads);
    await writeFile(join(made, yaml), cardText(model));
    const { digest } = await openModelFile(join(made, onnx), { file: join(made, yaml) });
    const images = options.tryImages
      ? await tried(model, join(made, onnx), join(made, yaml), options)
      : undefined;
    await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
    const [path, card] = [join(folder, onnx), join(folder, yaml)];
    return { name: model.name, path, card, digest, ...present({ imported, images }) };
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

async function fetched(file: PublicFile, whose: string, options: PullOptions): Promise<string> {
  const entry = {
    identifier: whose,
    kind: 'stimuli',
    access: 'public',
    terms: '',
    files: [],
  } as const;
  const { path } = await pullFile({ role: 'images', ...file }, entry, options);
  await requireSha256(path, file);
  return path;
}

async function requireSha256(path: string, { file, sha256 }: PublicFile): Promise<void> {
  if (sha256 === undefined) return;
  const found = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  if (found === sha256) return;
  throw new VentralError(
    'checksum-mismatch',
    `${file}: expected SHA-256 ${sha256}, found ${found}`,
    {
      file,
      field: 'sha256',
      expected: sha256,
      found,
    },
  );
}

async function asOnnx(
  { arch, file }: PublicModel,
  source: string,
  output: string,
  threads: number | undefined,
): Promise<ImportReport | undefined> {
  if (file.endsWith('.onnx')) {
    await writeFileAtomic(output, withRaisedOpset(await readFile(source), file));
    return undefined;
  }
  return importCheckpoint({
    checkpoint: source,
    output,
    force: true,
    ...present({ arch, threads }),
  });
}

function cardText({ name, card, source, licence, paper }: PublicModel): string {
  const says = `# ${source}; licence: ${licence}; ${paper}\n`;
  return says + stringify({ name, file: `${name}.onnx`, ...card }, { flowCollectionPadding: true });
}

async function tried(
  model: PublicModel,
  path: string,
  card: string,
  options: PullOptions,
): Promise<PulledModel['images']> {
  const { images } = publicCatalog();
  const paths: string[] = [];
  for (const image of images) paths.push(await fetched(image, model.name, options));
  const file = await openModelFile(path, { file: card });
  const named = await nameImages(file, model.card, paths);
  const right = named.filter(({ found }, i) => images[i].classes.includes(found)).length;
  const expected = model.named;
  if (expected !== undefined && right < expected) {
    const missed = named
      .filter(({ found }, i) => !images[i].classes.includes(found))
      .map(({ file: image, found }) => `${basename(image)} as class ${found}`);
    throw new VentralError(
      'import-differs',
      `${model.name} names ${right} of ${images.length} test images right, expected ${expected}: ${missed.join(', ')}`,
      { file: model.file, expected: `${expected}`, found: `${right}` },
    );
  }
  return { right, shown: images.length, ...present({ expected }) };
}
