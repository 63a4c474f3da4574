import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { base } from '../training/small-runs.js';
import { type Answer, type Asked, multipart } from './running-service.js';

type Call = (method: string, path: string, asked?: Asked) => Promise<Answer>;

/** Somebody who sends requests. */
export interface Client {
  readonly call: Call;
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
}

const generated = { generate: 'objects-on-backgrounds', seed: 1, count: 60, side: 16 };

/** A recipe on some 50 images of 16 pixels, as HTTP takes it. */
export const smallRecipe = (model: string, stages: readonly object[], more: object = {}) => ({
  name: 'small',
  model,
  weights: 'redrawn',
  data: { train: generated, test: { ...generated, seed: 2 } },
  stages,
  ...more,
});

/** A train stage of two epochs of three steps. */
export const plain = (more: object = {}) => ({
  train: { name: 'plain', epochs: 2, batch: 16, rate: 0.02, ...more },
});

/** More than a test waits for. */
export const endless = plain({ epochs: 1000 });

/** Registers the network of `smallRuns`. @returns its id */
export async function uploadSmall(by: Client): Promise<string> {
  const { file: _file, ...card } = parse(await readFile(join(base, 'model.yaml'), 'utf8'));
  const made = await by.call(
    'POST',
    '/v1/models',
    multipart([
      { name: 'file', filename: 'small.onnx', content: await readFile(join(base, 'model.onnx')) },
      { name: 'card', content: JSON.stringify(card) },
    ]),
  );
  if (made.status >= 300) throw new Error(made.text);
  return made.body.id;
}

/** Asks for a training. @returns its path */
export async function ask(by: Client, recipe: object): Promise<string> {
  const made = await by.post('/v1/trainings', { recipe });
  if (made.status !== 202) throw new Error(made.text);
  return made.body.links.self;
}

/** Looks at a training until it is as it should be. */
export async function until(
  by: Client,
  path: string,
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into whatever came.
  holds: (training: any) => boolean,
) {
  // A training has the lowest priority: others that keep the processors busy come first.
  for (const deadline = Date.now() + 600_000; Date.now() < deadline; await sleep(50)) {
    const { body } = await by.call('GET', path);
    if (holds(body)) return body;
  }
  throw new Error(`${path} is not as it should be`);
}

/** The checkpoints of a training: name and digest. */
export async function checkpoints(by: Client, path: string): Promise<Record<string, string>> {
  const { body } = await by.call('GET', `${path}/checkpoints`);
  return Object.fromEntries(
    body.items.map(({ name, digest }: { name: string; digest: string }) => [name, digest]),
  );
}
