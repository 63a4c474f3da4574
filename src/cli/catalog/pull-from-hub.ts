import type { HubFile, HubSnapshot } from '../../data/hub/hub-repository.js';
import type { HubPull } from '../../importing/hub/pull-from-hub.js';
import type { Work } from '../../runtime/work.js';
import { visibleText } from '../terminal/error-text.js';
import { fileProgress } from '../terminal/file-progress.js';
import type { Io } from '../terminal/io.js';

/** A file of the hub that was found, and not yet fetched. */
export interface HubOffer {
  readonly name: string;
  readonly terms: readonly string[];
  pull(work: Work, signal: AbortSignal): Promise<HubPull>;
}

/**
 * Looks an address of the hub up, at `HF_ENDPOINT` with `HF_TOKEN`.
 * @param file the ONNX file that is asked for
 * @throws VentralError what looking it up and choosing the file throw
 */
export async function offerOf(
  word: string,
  {
    home,
    file,
    signal,
  }: { readonly home: string; readonly file?: string; readonly signal: AbortSignal },
): Promise<HubOffer> {
  const { hubName, hubPlace, parseHubAddress } = await import('../../data/hub/hub-address.js');
  const { hubSnapshot } = await import('../../data/hub/hub-repository.js');
  const { chooseModelFile } = await import('../../importing/hub/choose-file.js');
  const { pullFromHub } = await import('../../importing/hub/pull-from-hub.js');
  const place = hubPlace(process.env);
  const snapshot = await hubSnapshot(parseHubAddress(word), { place, signal });
  const model = chooseModelFile(snapshot.files, file, hubName(snapshot.address));
  return {
    name: hubName(snapshot.address),
    terms: termsOf(snapshot, model, place.endpoint),
    pull: (work, stop) =>
      pullFromHub(snapshot, model, { home, place, signal: stop, progress: fileProgress(work) }),
  };
}

/** What a person should know before the file comes here. */
function termsOf({ address, commit, licence }: HubSnapshot, model: HubFile, endpoint: string) {
  const { repository } = address;
  return [
    `hf:${repository}: ${model.path}, ${model.size} bytes`,
    `  from ${endpoint}/${repository} at ${commit}`,
    `  licence: ${licence ?? 'none stated'}`,
  ];
}

/** The path of the ONNX file goes to stdout, what it is to stderr. */
export function printHubPull({ path, card, source, open, notes }: HubPull, io: Io): void {
  for (const note of notes) io.err(visibleText(`note: ${note}`));
  if (open.length > 0) io.err(`Not set, marked # TODO: ${open.join(', ')}\n`);
  const { weights } = source;
  if (weights !== undefined) io.err(`weights: ${weights}\n`);
  io.err(`card: ${card}\n`);
  io.out(`${path}\n`);
}
