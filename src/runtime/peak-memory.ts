import { readFileSync } from 'node:fs';

/**
 * The most memory that this process has had resident, in MiB. Where the system tells it (Linux) it is that of
 * the program alone; what the system says of a process otherwise includes its parent before the program started.
 */
export function peakRssMiB(): number {
  try {
    const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (found) return Math.round(Number(found[1]) / 1024);
  } catch {
    // Not Linux.
  }
  return Math.round(process.resourceUsage().maxRSS / 1024);
}
