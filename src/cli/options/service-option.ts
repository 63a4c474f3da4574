import { readFile, stat } from 'node:fs/promises';
import { VentralError } from '../../errors/ventral-error.js';
import type { ServicePlace } from '../../service/access/service-client.js';

/** What says which service is meant, and with which key. */
export interface ServiceOptions {
  /** `--to`: the URL of a service, or `home` for that of the own home. */
  readonly to?: string;
  /** `--key-file`. */
  readonly keyFile?: string;
}

/** The service of `--to` or VENTRAL_SERVICE, if one is named; `home` is that of the own home. */
export const namedService = ({ to }: ServiceOptions): string | undefined =>
  to ?? (process.env.VENTRAL_SERVICE || undefined);

/**
 * Finds the service that is named. One that owns the home is asked by its socket, which needs no key; another one
 * with the key of `VENTRAL_KEY`, or of the file of `--key-file` or `VENTRAL_KEY_FILE`.
 * @param warn prints a line
 * @returns what finds it again, for it may be started anew
 * @throws VentralError `bad-usage` for an address or a key that cannot be one, `file-missing`, `not-ready` where the
 *   home has no service
 */
export async function reachService(
  named: string,
  options: ServiceOptions,
  home: string,
  warn: (line: string) => void,
): Promise<() => Promise<ServicePlace>> {
  const url = named === 'home' ? undefined : addressOf(named);
  const key = await keyOf(options);
  if (key !== undefined && url?.startsWith('http://') && !isLoopback(url))
    warn(`ventral: the key is sent to ${url} in the clear: use https beyond this machine\n`);
  const own = async (): Promise<ServicePlace | undefined> => {
    const { livingOwner } = await import('../../store/home/owner-lock.js');
    const owner = await livingOwner(home);
    return owner?.url && owner.socket ? { url: owner.url, socket: owner.socket } : undefined;
  };
  return async () => {
    const mine = key === undefined || url === undefined ? await own() : undefined;
    if (mine && (url === undefined || mine.url === url)) return mine;
    if (url !== undefined) return { url, ...(key === undefined ? {} : { key }) };
    throw new VentralError(
      'not-ready',
      `No service runs in the home ${home}: start one with \`ventral serve\`, or name one with --to or VENTRAL_SERVICE`,
    );
  };
}

/** The origin and path of an address, without a slash at the end, `/v1` or a page behind it. */
function addressOf(text: string): string {
  const url = URL.parse(/^[\w.-]+:\d+(?:\/|$)/.test(text) ? `http://${text}` : text);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new VentralError(
      'bad-usage',
      `--to: expected the address of a service, such as http://127.0.0.1:8080, or home, found "${text}"`,
    );
  if (url.username || url.password)
    throw new VentralError(
      'bad-usage',
      '--to: a key is given by VENTRAL_KEY or --key-file, not in the address',
    );
  return `${url.origin}${url.pathname}`.replace(/\/(?:v1\/?)?$/, '');
}

const isLoopback = (url: string) =>
  /^http:\/\/(?:localhost|127\.[\d.]+|\[::1\])(?::|$|\/)/.test(url);

/** Bytes of a file that holds nothing but a key. */
const KEY_BYTES = 1000;

async function keyOf({ keyFile }: ServiceOptions): Promise<string | undefined> {
  if (keyFile === undefined && process.env.VENTRAL_KEY)
    return checkedKey(process.env.VENTRAL_KEY, 'VENTRAL_KEY');
  const file = keyFile ?? (process.env.VENTRAL_KEY_FILE || undefined);
  if (file === undefined) return undefined;
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile() || found.size > KEY_BYTES)
    throw new VentralError(
      'file-missing',
      `${file}: expected a file that holds a key of a service`,
      { file },
    );
  // Windows has no such bits.
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    throw new VentralError(
      'bad-usage',
      `${file}: others may read the key (mode ${(found.mode & 0o777).toString(8).padStart(4, '0')}): chmod 600 ${file}`,
      { file },
    );
  return checkedKey(await readFile(file, 'utf8'), file);
}

function checkedKey(text: string, where: string): string {
  const key = text.trim();
  if (/^vk_[\w-]{1,200}$/.test(key)) return key;
  throw new VentralError(
    'bad-usage',
    `${where}: expected a key of a service, which begins with vk_`,
  );
}
