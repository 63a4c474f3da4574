import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { PublicModel } from '../../importing/published/public-models.js';
import type { PulledModel } from '../../importing/published/pull-model.js';
import { globalOptions } from '../options/global-options.js';
import { confirm } from '../terminal/confirm.js';
import { visibleText } from '../terminal/error-text.js';
import { fileProgress } from '../terminal/file-progress.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';

/** Options of `ventral models pull`. */
export interface PullChoices {
  readonly acceptTerms?: boolean;
  readonly from?: string;
  readonly images: boolean;
  readonly json?: boolean;
}

/** `ventral models pull NAME…`: the path of each ONNX file goes to stdout, what it is to stderr. */
export async function pullModels(
  names: readonly string[],
  { acceptTerms, from, images, json }: PullChoices,
  command: Command,
  io: Io,
): Promise<void> {
  const { home, threads } = globalOptions(command);
  if (from !== undefined && !/^https?:\/\//.test(from)) {
    const found = `--from: expected an http or https address, found "${from}"`;
    throw new VentralError('bad-usage', found);
  }
  const { findPublicModel } = await import('../../importing/published/public-models.js');
  const { pullModel } = await import('../../importing/published/pull-model.js');
  const models = names.map(findPublicModel);
  for (const model of models) await requireTerms(model, Boolean(acceptTerms), io);
  const bar = progressBar(io);
  const stop = interruption();
  const parts = bar.progress.parts(models.map(({ name }) => name));
  bar.progress.planned();
  const pulled: PulledModel[] = [];
  try {
    for (const [i, model] of models.entries()) {
      const one = await pullModel(model, {
        home,
        threads,
        tryImages: images,
        signal: stop.signal,
        progress: fileProgress(parts[i]),
        ...present({ baseUrl: from }),
      });
      parts[i].end();
      bar.clear();
      pulled.push(one);
      if (!json) printPulled(one, io);
    }
  } finally {
    bar.end();
    stop.release();
  }
  if (json) io.out(`${JSON.stringify(pulled, null, 2)}\n`);
}

/** Shows whose a network is, and asks a person; a script has to say that it accepts. */
async function requireTerms(model: PublicModel, accepted: boolean, io: Io): Promise<void> {
  const { name, says, url, size, sha1, licence, source, paper } = model;
  const bytes = size === undefined ? '' : `, ${size} bytes`;
  const lines = [
    `${name}: ${says}`,
    `  from ${url}`,
    `  SHA-1 ${sha1}${bytes}`,
    `  source: ${source}; ${paper}`,
    `  licence: ${licence}`,
  ];
  io.err(`${lines.join('\n')}\n`);
  if (accepted) return;
  const answer = await confirm('Fetch it under these terms?', io);
  if (answer === true) return;
  throw new VentralError(
    'terms-not-accepted',
    `${name} was not fetched: its terms were not accepted (--accept-terms accepts them)`,
    {
      field: '--accept-terms',
      expected: 'acceptance',
      found: answer === false ? 'refusal' : 'none',
    },
  );
}

function printPulled({ name, path, card, imported, images }: PulledModel, io: Io): void {
  for (const note of imported?.notes ?? []) io.err(visibleText(`note: ${note}`));
  if (imported && !imported.proof) io.err(visibleText(`not proved: ${imported.unproved}`));
  if (images) {
    const expected = images.expected === undefined ? '' : ` (expected ${images.expected} or more)`;
    io.err(`${name} names ${images.right} of ${images.shown} test images right${expected}\n`);
  }
  io.err(`card: ${card}\n`);
  io.out(`${path}\n`);
}
