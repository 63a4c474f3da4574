import { VentralError } from '../../errors/ventral-error.js';

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/**
 * Seconds of a time: `90s`, `5m`, `4h` or `2d`, or one in the forms of Slurm (sbatch(1)): `minutes`,
 * `minutes:seconds`, `hours:minutes:seconds`, `days-hours`, `days-hours:minutes`, `days-hours:minutes:seconds`.
 * @throws VentralError `bad-usage`
 */
export function readTime(text: string, option: string): number {
  const seconds = withUnit(text) ?? withDays(text) ?? withColons(text);
  if (seconds !== undefined && seconds > 0 && seconds <= units.d * 3660) return seconds;
  throw new VentralError(
    'bad-usage',
    `${option}: expected a time such as 5m, 4h or 4:00:00 (hours, minutes, seconds), at most ten years, found "${text}"`,
    { field: option.replace(/^-+/, '') },
  );
}

function withUnit(text: string): number | undefined {
  const found = /^(\d{1,8})([smhd])$/.exec(text);
  return found ? Number(found[1]) * units[found[2]] : undefined;
}

function withDays(text: string): number | undefined {
  const found = /^(\d{1,4})-(\d{1,2})(?::(\d{1,2}))?(?::(\d{1,2}))?$/.exec(text);
  if (!found) return undefined;
  const [days, hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
  return days * units.d + hours * units.h + minutes * units.m + seconds;
}

function withColons(text: string): number | undefined {
  const found = /^(?:(\d{1,5}):(?=\d{1,2}:))?(\d{1,8})(?::(\d{1,2}))?$/.exec(text);
  if (!found) return undefined;
  const [hours, minutes, seconds] = found.slice(1).map((part) => Number(part ?? 0));
  return hours * units.h + minutes * units.m + seconds;
}
