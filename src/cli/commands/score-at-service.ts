import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { AskedProvider } from '../../runtime/provider.js';
import type { LayerRequest } from '../../scoring/model/layer-choice.js';
import type { ScoreOutcome, ScoreRequest } from '../../scoring/model/score-model.js';
import type { Answered } from '../../scoring/receipt/write-receipt.js';
import type { RemoteScores, Tell } from '../../service/access/remote-scores.js';
import { namedService, reachService, type ServiceOptions } from '../options/service-option.js';
import { visibleText } from '../terminal/error-text.js';
import type { Io } from '../terminal/io.js';

const regions = ['V1', 'V2', 'V4', 'IT', 'behavior'] as const;

/** Whether a word names a registration of a service, and no file. */
export const isRegistration = (word: string): boolean =>
  /^(?:mdl_[0-9a-z]+|sha256:[0-9a-f]{64})$/.test(word) && !existsSync(word);

/** Whether a benchmark is named by its file. */
export const isBenchmarkFile = (name: string): boolean =>
  /\.(?:ya?ml|json)$/i.test(name) || /[\\/]/.test(name);

/**
 * A service can be asked for names, and for ids of uploads.
 * @throws VentralError `bad-usage` for a file
 */
export function namedBenchmarks(benchmarks: readonly string[]): void {
  const file = benchmarks.find(isBenchmarkFile);
  if (file !== undefined)
    throw new VentralError(
      'bad-usage',
      `score: ${file} is a file: with --to name a benchmark of the service, by its identifier or the id of an upload (bmk_…)`,
    );
}

/**
 * Layers as a service takes them, one for each region.
 * @throws VentralError `bad-usage`
 */
export function namedLayers(layers: LayerRequest): Readonly<Record<string, string>> | undefined {
  const named = new Map<string, string>();
  for (const [key, value] of Object.entries(layers)) {
    const [layer, ...more] = [value].flat();
    if (more.length > 0 || key === 'logits')
      throw new VentralError(
        'bad-usage',
        `score: with --to one layer can be named for each of ${regions.join(', ')}, found ${key}=${[value].flat().join(',')}`,
      );
    for (const region of key === '*' ? regions : [key])
      if (key !== '*' || !Object.hasOwn(layers, region)) named.set(region, layer);
  }
  return named.size === 0 ? undefined : Object.fromEntries(named);
}

/** Options of `ventral score` that have to do with services. */
interface ScoreServiceOptions extends ServiceOptions {
  readonly benchmark: readonly string[];
  readonly features?: string;
  readonly assume?: string;
  readonly receipt?: string;
  readonly results?: boolean;
  readonly provider?: string;
  readonly tf32?: boolean;
}

/** @throws VentralError `bad-usage` for options that do not go together */
export function checkServiceUsage(models: readonly string[], options: ScoreServiceOptions): void {
  const { to, keyFile, features, assume, receipt, results, benchmark, provider, tf32 } = options;
  const refuse = (sentence: string) => new VentralError('bad-usage', `score: ${sentence}`);
  const there = models.find(isRegistration);
  if (results && to === undefined) throw refuse('--results goes with --to SERVICE');
  if (features !== undefined && to !== undefined)
    throw refuse('--features cannot be used with --to: a service scores models');
  if (keyFile !== undefined && to === undefined && there === undefined)
    throw refuse('--key-file goes with --to, or with a model of a service');
  if (results && there !== undefined)
    throw refuse(
      `${there} is scored by its service: --results sends scores that are computed here`,
    );
  if (results || (to === undefined && there === undefined)) return;
  if (assume !== undefined)
    throw refuse('--assume cannot be used with --to: write a card (ventral card init)');
  if (receipt !== undefined)
    throw refuse('--receipt is for scores that are computed here: leave it out, or add --results');
  if (provider === 'auto')
    throw refuse('--provider auto is tried here: with --to name one, such as cuda');
  if (tf32) throw refuse('--tf32 cannot be used with --to: a service computes in float32');
  namedBenchmarks(benchmark);
}

/** The service that the options or the environment name, else that of the home. */
export async function openService(
  options: ServiceOptions,
  home: string,
  signal: AbortSignal,
  io: Io,
): Promise<RemoteScores> {
  const { RemoteScores } = await import('../../service/access/remote-scores.js');
  const reach = await reachService(namedService(options) ?? 'home', options, home, io.err);
  return new RemoteScores(reach, signal);
}

/**
 * Scores a model by a service, which gets it first where it does not have it.
 * @param name of a new registration, where its card does not say it
 * @param once key under which the service runs the same request once
 * @returns with the name of the model there
 */
export async function scoreAtService(
  { remote, io }: { readonly remote: RemoteScores; readonly io: Io },
  request: ScoreRequest & { readonly provider?: AskedProvider },
  name: string | undefined,
  tell: Tell = () => {},
  once?: string,
): Promise<ScoreOutcome & { readonly model: string }> {
  const { benchmarks, input, provider } = request;
  const layers = namedLayers(request.layers ?? {});
  const model = await placedModel(remote, request.model, name, io);
  const detail = request.detail ? ({ detail: true } as const) : {};
  const asked = { model, benchmarks, ...present({ layers, input, provider }), ...detail };
  return { ...(await remote.score(asked, tell, once)), model };
}

/** The name of a model at a service. */
async function placedModel(
  remote: RemoteScores,
  { path, file }: ScoreRequest['model'],
  name: string | undefined,
  io: Io,
): Promise<string> {
  if (isRegistration(path)) return path;
  const { openModelFile, shippedModels } = await import('../../activations/model-file.js');
  if (file === undefined && !existsSync(path) && (await shippedModels()).includes(path))
    return path;
  const opened = await openModelFile(path, present({ file }));
  const { model, said } = await remote.register(path, opened, present({ name }));
  if (said !== undefined) io.err(visibleText(said));
  return model.id;
}

/**
 * Puts scores that were computed here on the leaderboard of a service, with their receipts.
 * @param naming names a new registration, where its card does not say it
 */
export async function bringScores(
  remote: RemoteScores,
  answered: readonly Answered[],
  naming: (path: string) => string | undefined,
  context: { readonly home: string; readonly threads: number },
  io: Io,
): Promise<void> {
  const [{ openModelFile, shippedModels }, { writeReceipt }] = await Promise.all([
    import('../../activations/model-file.js'),
    import('../../scoring/receipt/write-receipt.js'),
  ]);
  const folder = await mkdtemp(join(tmpdir(), 'ventral-receipt-'));
  try {
    for (const each of answered) {
      if (each.kind !== 'score' || each.scores.length === 0) continue;
      const { path, ...source } = each.request.model;
      const shipped = !existsSync(path) && (await shippedModels()).includes(path);
      if (!shipped || source.file !== undefined) {
        const file = await openModelFile(path, source);
        const { said } = await remote.register(path, file, {
          own: true,
          ...present({ name: naming(path) }),
        });
        if (said !== undefined) io.err(visibleText(said));
      }
      const receipt = join(folder, 'receipt.json');
      await writeReceipt(receipt, [each], context);
      const { items } = await remote.bring(JSON.parse(await readFile(receipt, 'utf8')));
      const jobs = items.map(({ id }) => id).join(', ');
      const count = `${each.scores.length} ${each.scores.length === 1 ? 'score' : 'scores'}`;
      io.err(visibleText(`${jobs}: ${count} of ${each.scores[0].name ?? path}, marked as brought`));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
