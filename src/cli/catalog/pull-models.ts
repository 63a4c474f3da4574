import type { Command } from 'commander';
import { isHubAddress } from '../../data/hub/hub-address.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';
import type { PublicModel } from '../../importing/published/public-models.js';
import type { PulledModel } from '../../importing/published/pull-model.js';
import type { Work } from '../../runtime/work.js';
import { globalOptions } from '../options/global-options.js';
import { confirm } from '../terminal/confirm.js';
import { visibleText } from '../terminal/error-text.js';
import { fileProgress } from '../terminal/file-progress.js';
import { interruption } from '../terminal/interruption.js';
import type { Io } from '../terminal/io.js';
import { progressBar } from '../terminal/progress-bar.js';
import { offerOf, printHubPull } from './pull-from-hub.js';

/** Options of `ventral models pull`. */
export interface PullChoices {
  readonly acceptTerms?: boolean;
  readonly file?: string;
  readonly from?: string;
  readonly images: boolean;
  readonly json?: boolean;
}

/** A network that was found, and not yet fetched. */
interface Offer {
  readonly name: string;
  /** Whose it is, in lines. */
  readonly terms: readonly string[];
  /** Fetches it; what is then known of it, for JSON, and how it is printed. */
  pull(
    work: Work,
    signal: AbortSignal,
  ): Promise<{ readonly pulled: object; readonly print: () => void }>;
}

/** `ventral models pull NAME…`: the path of each ONNX file goes to stdout, what it is to stderr. */
export async function pullModels(
  names: readonly string[],
  choices: PullChoices,
  command: Command,
  io: Io,
): Promise<void> {
  checkUsage(names, choices);
  const bar = progressBar(io);
  const stop = interruption();
  try {
    const offers: Offer[] = [];
    for (const name of names)
      offers.push(
        isHubAddress(name)
          ? await hubOffer(name, choices, stop.signal, command, io)
          : await publicOffer(name, choices, command, io),
      );
    for (const offer of offers) await requireTerms(offer, Boolean(choices.acceptTerms), io);
    const parts = bar.progress.parts(offers.map(({ name }) => name));
    bar.progress.planned();
    const all: object[] = [];
    for (const [i, offer] of offers.entries()) {
      const { pulled, print } = await offer.pull(parts[i], stop.signal);
      parts[i].end();
      bar.clear();
      all.push(pulled);
      if (!choices.json) print();
    }
    if (choices.json) io.out(`${JSON.stringify(all, null, 2)}\n`);
  } finally {
    bar.end();
    stop.release();
  }
}

function checkUsage(names: readonly string[], { file, from }: PullChoices): void {
  if (from !== undefined && !/^https?:\/\//.test(from)) {
    const found = `--from: expected an http or https address, found "${from}"`;
    throw new VentralError('bad-usage', found);
  }
  const isOne = names.length === 1 && isHubAddress(names[0]);
  if (file !== undefined && !isOne)
    throw new VentralError('bad-usage', 'pull: --file goes with one hf:owner/name');
  if (from !== undefined && names.some(isHubAddress))
    throw new VentralError(
      'bad-usage',
      'pull: --from is for public networks; HF_ENDPOINT names another hub',
    );
}

async function hubOffer(
  word: string,
  { file }: PullChoices,
  signal: AbortSignal,
  command: Command,
  io: Io,
): Promise<Offer> {
  const { home } = globalOptions(command);
  const offer = await offerOf(word, { home, signal, ...present({ file }) });
  return {
    ...offer,
    async pull(work, stop) {
      const pulled = await offer.pull(work, stop);
      return { pulled, print: () => printHubPull(pulled, io) };
    },
  };
}

async function publicOffer(
  name: string,
  { from, images }: PullChoices,
  command: Command,
  io: Io,
): Promise<Offer> {
  const { home, threads } = globalOptions(command);
  const { findPublicModel } = await import('../../importing/published/public-models.js');
  const model = findPublicModel(name);
  return {
    name,
    terms: termsOf(model),
    async pull(work, signal) {
      const { pullModel } = await import('../../importing/published/pull-model.js');
      const pulled = await pullModel(model, {
        home,
        threads,
        tryImages: images,
        signal,
        progress: fileProgress(work),
        ...present({ baseUrl: from }),
      });
      return { pulled, print: () => printPulled(pulled, io) };
    },
  };
}

function termsOf({ name, says, url, size, sha1, licence, source, paper }: PublicModel): string[] {
  const bytes = size === undefined ? '' : `, ${size} bytes`;
  return [
    `${name}: ${says}`,
    `  from ${url}`,
    `  SHA-1 ${sha1}${bytes}`,
    `  source: ${source}; ${paper}`,
    `  licence: ${licence}`,
  ];
}

/** Shows whose a network is, and asks a person; a script has to say that it accepts. */
async function requireTerms({ name, terms }: Offer, accepted: boolean, io: Io): Promise<void> {
  io.err(visibleText(terms.join('\n')));
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
