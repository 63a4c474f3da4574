import { quoted } from '../../errors/quoted.js';
import { VentralError } from '../../errors/ventral-error.js';

const pattern =
  /^(\d{4}-\d{2}-\d{2})(?:[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:\d{2}))?$/;

/**
 * The moment that a parameter names: an RFC 3339 date, which is the end of that day, UTC, or a date-time. Until the end of
 * today: of what lies ahead nothing is known.
 * @param now milliseconds since 1970
 * @returns RFC 3339 in UTC, to the microsecond
 * @throws VentralError `invalid-request`
 */
export function readMoment(text: string, name: string, now: number): string {
  const [, day, time, fraction = '', zone = 'Z'] = pattern.exec(text) ?? [];
  const micros = time ? fraction.padEnd(6, '0').slice(0, 6) : '999999';
  const offset = /^[Zz]$/.test(zone) ? 'Z' : zone;
  const date = new Date(`${day}T${time ?? '23:59:59'}${offset}`);
  // 30 February is read as 1 or 2 March.
  const exists = new Date(`${day}T00:00:00Z`);
  const valid = !Number.isNaN(exists.valueOf()) && exists.toISOString().startsWith(`${day}T`);
  if (!day || !valid || Number.isNaN(date.valueOf()) || date.getUTCFullYear() < 1970)
    throw refusal(
      name,
      `expected a date such as 2026-03-31 or 2026-03-31T12:00:00Z, found ${quoted(text)}${hint(text)}`,
    );
  const today = new Date(now).toISOString().slice(0, 10);
  const moment = `${date.toISOString().slice(0, 19)}.${micros}Z`;
  if (moment.slice(0, 10) > today)
    throw refusal(name, `expected a date up to today, ${today} (UTC), found ${quoted(text)}`);
  return moment;
}

/** A plus sign in an address is a space. */
const hint = (text: string) =>
  /T.*\d \d\d:\d\d$/i.test(text) ? ': write + in an address as %2B' : '';

const refusal = (name: string, what: string) =>
  new VentralError('invalid-request', `${name}: ${what}`, { field: `/query/${name}` });
