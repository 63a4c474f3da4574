/** A score, an average or a difference, at three decimals; a dash if there is none. */
export const value = (number: number | null | undefined): string =>
  number === null || number === undefined ? '–' : digits(number);

/** Three decimals; nothing is less than 0 by less than them. */
const digits = (number: number): string => {
  const text = number.toFixed(3);
  return text === '-0.000' ? '0.000' : text;
};

/** A 95 % interval, as `[.412, .478]` reads with full zeros; empty without one. */
export const interval = (ci: readonly number[] | null | undefined): string =>
  ci ? `[${ci.map(digits).join(', ')}]` : '';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes in the unit that gives fewest digits. */
export function bytes(count: number): string {
  const power = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), UNITS.length - 1);
  const scaled = count / 2 ** (10 * power);
  return `${scaled.toFixed(power > 0 && scaled < 10 ? 1 : 0)} ${UNITS[power]}`;
}

/** Seconds as people say them: 8 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** How long it is from one moment to another. */
export const secondsBetween = (from: string, to: string): string =>
  duration(Math.max(0, Date.parse(to) - Date.parse(from)) / 1000);

/** A moment in the reader's own time zone and words. */
export const moment = (iso: string | null | undefined): string =>
  iso ? new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) : '–';

/** The first characters of a digest, enough to tell files apart by eye. */
export const shortDigest = (digest: string): string => digest.replace(/^sha256:/, '').slice(0, 12);
