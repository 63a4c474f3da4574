import type { HubFile } from '../../data/hub/hub-repository.js';
import { quotedList } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { MOST_MODEL_BYTES } from '../../onnx/external-data.js';
import { precisionInName } from '../../onnx/weight-type.js';

/** Files that a message names. */
const SHOWN = 8;

/**
 * The ONNX file of a repository: the one that is asked for, by its path or the end of it, else the only one in full
 * precision.
 * @throws VentralError `not-found` where there is none, `bad-usage` where there are several, `onnx-external-data` for one
 *   that the runtime could not take
 */
export function chooseModelFile(
  files: readonly HubFile[],
  asked: string | undefined,
  repository: string,
): HubFile {
  const models = files.filter(({ path }) => /\.onnx$/i.test(path));
  if (models.length === 0) throw withoutModel(files, repository);
  const whole = models.filter(({ path }) => precisionInName(path).precision === undefined);
  const fitting =
    asked === undefined ? (models.length === 1 ? models : whole) : named(models, asked);
  if (fitting.length !== 1) {
    const count = fitting.length === 0 ? 'no' : 'several';
    const which = asked === undefined ? 'in full precision' : quotedList([asked]);
    const what = `${count} ONNX ${fitting.length === 0 ? 'file' : 'files'} ${which}`;
    throw refusal(`${repository} has ${what}`, fitting.length > 0 ? fitting : models);
  }
  const [file] = fitting;
  if (file.size <= MOST_MODEL_BYTES) return file;
  throw new VentralError(
    'onnx-external-data',
    `${repository}: ${file.path} has ${file.size} bytes, and the runtime takes a model of at most ${MOST_MODEL_BYTES}`,
    { file: file.path, expected: `at most ${MOST_MODEL_BYTES} bytes`, found: `${file.size}` },
  );
}

function named(models: readonly HubFile[], asked: string): readonly HubFile[] {
  const exact = models.filter(({ path }) => path === asked);
  return exact.length > 0 ? exact : models.filter(({ path }) => path.endsWith(`/${asked}`));
}

function refusal(what: string, files: readonly HubFile[]): VentralError {
  const paths = files.map(({ path }) => path);
  const names = quotedList(paths, SHOWN);
  return new VentralError('bad-usage', `${what}: choose by --file from ${names}`, {
    field: '--file',
    expected: names,
  });
}

/** Endings of checkpoints that `ventral import` reads. */
const CHECKPOINT = /\.(safetensors|bin|pth|pt|ckpt|keras|h5|tflite)$/i;

function withoutModel(files: readonly HubFile[], repository: string): VentralError {
  const other = files.find(({ path }) => CHECKPOINT.test(path));
  const how = other
    ? `; it has ${quotedList([other.path])}, which \`ventral import\` takes where it knows the architecture`
    : '';
  return new VentralError('not-found', `${repository} has no ONNX file${how}`, {
    file: repository,
    expected: 'a file .onnx',
  });
}
