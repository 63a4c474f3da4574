import { spawn } from 'node:child_process';

/** Whether work stands still; who does it listens. */
export class Pause {
  #on = false;
  readonly #listeners = new Set<() => void>();

  get on(): boolean {
    return this.#on;
  }

  set(on: boolean): void {
    if (on === this.#on) return;
    this.#on = on;
    for (const listener of this.#listeners) listener();
  }

  /** @returns ends the listening */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/**
 * Stops a process group. A stopped process does not notice that this one has died, so a shell of its own does, and kills
 * the group then.
 * @returns lets the group go on, and the shell end
 */
export function stopGroup(leader: number): () => void {
  const words = ['-c', `read -r word || kill -KILL -- -${leader}`];
  const guard = spawn('/bin/sh', words, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  // Without a shell the group is stopped all the same: only a service that is killed leaves it behind.
  guard.on('error', () => {});
  guard.stdin.on('error', () => {});
  signal(leader, 'SIGSTOP');
  return () => {
    guard.stdin.end('go\n');
    signal(leader, 'SIGCONT');
  };
}

function signal(leader: number, name: NodeJS.Signals): void {
  try {
    process.kill(-leader, name);
  } catch {
    // Gone.
  }
}
