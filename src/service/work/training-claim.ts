import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VentralError } from '../../errors/ventral-error.js';
import { processStart } from '../../store/files/process-identity.js';

const CLAIM = 'trained-by';

/**
 * Claims the folder of a training for this process, so that no other worker of this machine trains there at the
 * same time: training processes may be in PID namespaces and cannot find each other by pid. The claim of a dead
 * process is taken over.
 * @throws VentralError `not-ready` while another one has it
 * @returns a function that releases the claim
 */
export async function claimTraining(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, CLAIM);
  const mine = join(folder, `${CLAIM}-${randomUUID()}`);
  await writeFile(mine, `${process.pid} ${processStart(process.pid) ?? ''}`);
  try {
    // A link appears with all that is in it.
    while (!(await links(mine, path))) {
      const [pid, ...start] = (await readFile(path, 'utf8').catch(() => '')).split(' ');
      if (Number(pid) !== process.pid && lives(Number(pid), start.join(' ')))
        throw new VentralError('not-ready', 'The previous training process has not ended yet');
      await rm(path, { force: true });
    }
  } finally {
    await rm(mine, { force: true });
  }
  return () => rm(path, { force: true });
}

const links = (from: string, to: string): Promise<boolean> =>
  link(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw VentralError.from(error);
      return false;
    },
  );

const lives = (pid: number, start: string): boolean =>
  pid > 0 && start !== '' && processStart(pid) === start;
