import { BlockList, isIP, isIPv6 } from 'node:net';
import { VentralError } from '../../errors/ventral-error.js';
import { RequestProblem } from '../http/problem.js';

/**
 * IPv4 ranges that are not public (IANA's registry of special-purpose addresses), and those in the global range of
 * IPv6 that lead elsewhere: Teredo and its like, documentation, 6to4.
 */
const special = new BlockList();
for (const [address, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  special.addSubnet(address, prefix, 'ipv4');
}
for (const [address, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  special.addSubnet(address, prefix, 'ipv6');
}
const global = new BlockList();
global.addSubnet('2000::', 3, 'ipv6');

/**
 * Whether an address is one of the public network. IPv6 that maps or translates IPv4 (`::ffff:`,
 * `64:ff9b:`), loopback, link-local and unique local addresses are outside its global range.
 */
export function isPublic(address: string): boolean {
  const bare = address.replace(/%.*$/, '');
  if (isIPv6(bare)) return global.check(bare, 'ipv6') && !special.check(bare, 'ipv6');
  return isIP(bare) === 4 && !special.check(bare, 'ipv4');
}

/** The host of an address as it is compared: lower case, IPv6 without its brackets. */
export const hostOf = (url: URL): string => url.hostname.toLowerCase().replace(/^\[|\]$/g, '');

/**
 * Parses a webhook URL: https, at an allowed host.
 * @throws VentralError `invalid-request` as 422 by pointer would, with what is wrong
 */
export function readWebhookUrl(text: string, allowed: ReadonlySet<string>): URL {
  const refuse = (detail: string) =>
    new RequestProblem('webhook-refused', detail, {
      parts: [{ pointer: '/webhook/url', detail }],
    });
  if (allowed.size === 0) {
    throw refuse('Webhooks are off: allow hosts with --webhook-allow');
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:') throw refuse('Expected an https address');
  if (url.username || url.password || url.hash) {
    throw refuse('Expected an address without user name, password and fragment');
  }
  if (!allowed.has(hostOf(url))) throw refuse(`The service does not allow the host ${hostOf(url)}`);
  return url;
}

/** Finds the addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/**
 * The one address that is connected to. It is looked up once, so that a name cannot be one address when
 * it is checked and another when it is connected to.
 * @throws VentralError `webhook-refused` where any address of the name is not public and was not allowed itself
 */
export async function chooseAddress(
  url: URL,
  allowed: ReadonlySet<string>,
  resolve: Resolve,
): Promise<string> {
  const host = hostOf(url);
  const addresses = isIP(host) ? [host] : await resolve(host);
  const refused = addresses.find((address) => !isPublic(address) && !allowed.has(address));
  if (refused !== undefined || addresses.length === 0) {
    throw new VentralError(
      'webhook-refused',
      refused === undefined
        ? `${host} has no address`
        : `${host} is ${refused}, which is not public`,
    );
  }
  return addresses[0];
}
