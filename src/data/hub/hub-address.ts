import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';
import { present } from '../../formats/present.js';

/** A model repository of the Hugging Face hub, as `hf:owner/name@revision`. */
export interface HubAddress {
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, a tag or a commit; the main branch unless given. */
  readonly revision?: string;
}

/** Where the hub is, and the account that asks. */
export interface HubPlace {
  /** Address without a slash at its end. */
  readonly endpoint: string;
  readonly token?: string;
}

/** Whether a word on the command line names a repository of the hub. */
export const isHubAddress = (word: string): boolean => word.startsWith('hf:');

const PART = '[A-Za-z0-9_](?:[\\w.-]{0,94}[A-Za-z0-9_])?';
const ADDRESS = new RegExp(`^hf:(${PART}/${PART})(?:@([\\w./-]{1,200}))?$`);

/** @throws VentralError `bad-usage` for anything but `hf:owner/name` and `hf:owner/name@revision` */
export function parseHubAddress(word: string): HubAddress {
  const [, repository, revision] = ADDRESS.exec(word) ?? [];
  if (repository !== undefined && !`${repository} ${revision}`.includes('..'))
    return { repository, ...present({ revision }) };
  throw new VentralError(
    'bad-usage',
    `Expected hf:owner/name or hf:owner/name@revision, found ${quoted(word)}`,
    { expected: 'hf:owner/name[@revision]', found: word },
  );
}

/** How messages and cards name a repository. */
export const hubName = ({ repository }: HubAddress): string => `hf:${repository}`;

/**
 * Reads `HF_ENDPOINT` (default https://huggingface.co) and `HF_TOKEN`, as the hub's own clients do.
 * @throws VentralError `bad-usage` for an endpoint that is no HTTP address, and for a token that would be sent unencrypted
 */
export function hubPlace(environment: Readonly<Record<string, string | undefined>>): HubPlace {
  const { HF_ENDPOINT: given, HF_TOKEN: token } = environment;
  const endpoint = (given || 'https://huggingface.co').replace(/\/+$/, '');
  const refuse = (expected: string) =>
    new VentralError('bad-usage', `HF_ENDPOINT: expected ${expected}, found ${quoted(endpoint)}`, {
      field: 'HF_ENDPOINT',
      expected,
    });
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.search || url.hash)
    throw refuse('an address such as https://huggingface.co');
  const secret = token?.trim();
  if (!secret) return { endpoint };
  if (/[^\x21-\x7e]/.test(secret))
    throw new VentralError('bad-usage', 'HF_TOKEN: expected a token of printable characters', {
      field: 'HF_TOKEN',
    });
  const here = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (url.protocol === 'http:' && !here)
    throw refuse('https, because HF_TOKEN is not sent unencrypted');
  return { endpoint, token: secret };
}
