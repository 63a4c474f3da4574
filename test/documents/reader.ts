import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { outputPattern, root, type ShellBlock, shownCommands } from './shell-blocks.js';

/** Columns of the terminal in which the outputs of the documents were printed. */
const COLUMNS = 100;
const main = join(root, 'dist', 'program', 'cli', 'main.js');

/** Someone who types the commands of a document: a bash with a folder, and a service where an address is asked. */
export class Reader {
  readonly #bash: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #scratch: string;
  readonly #service: string | undefined;
  #count = 0;
  /** Last id that was printed, by its prefix: what `mdl_…` stands for. */
  readonly #ids = new Map<string, string>();

  private constructor(place: Place, service: string | undefined) {
    this.#scratch = place.scratch;
    this.#service = service;
    this.#bash = spawn('bash', ['--noprofile', '--norc'], {
      cwd: place.folder,
      env: environmentOf(place),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdout } = this.#bash;
    if (stdout === null) throw new Error('bash has no output');
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** Opens a bash in `place.folder`. */
  static async open(place: Place, service?: string): Promise<Reader> {
    await mkdir(join(place.scratch, 'bin'), { recursive: true });
    const command = join(place.scratch, 'bin', 'ventral');
    await writeFile(command, `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`);
    await chmod(command, 0o755);
    return new Reader(place, service);
  }

  /**
   * Types the commands of a block; resolves to what went wrong, nothing where all is as printed. A command that fails
   * is a fault; the last may have the block's own status.
   */
  async run(block: ShellBlock): Promise<string[]> {
    if (block.language === 'console') return await this.#show(block);
    const { status, output } = await this.#type(this.#real(block.text), block.status !== 0);
    if (status === block.status) return [];
    return [`exit status ${status}, expected ${block.status}:\n${output}`];
  }

  async #show(block: ShellBlock): Promise<string[]> {
    const faults: string[] = [];
    const shown = shownCommands(block);
    for (const [i, { command, output }] of shown.entries()) {
      const file = join(this.#scratch, `typed-${this.#count}.sh`);
      await writeFile(file, `${this.#real(command)}\n`);
      const inside = `stty cols ${COLUMNS}; . ${file}`;
      const ran = await this.#type(`script -qec '${inside}' /dev/null\n`, true);
      const expected = i === shown.length - 1 ? block.status : 0;
      if (ran.status !== expected) faults.push(`$ ${command}\nexit status ${ran.status}`);
      const printed = `${ran.output.replaceAll('\r', '').trimEnd()}\n`;
      if (!outputPattern(output).test(printed))
        faults.push(`$ ${command}\nprinted\n${printed}expected\n${output}`);
    }
    return faults;
  }

  /** Ends the bash. */
  close(): void {
    this.#bash.kill('SIGKILL');
  }

  /** The text with the address of the running service and with ids that were printed before. */
  #real(text: string): string {
    const addressed = this.#service
      ? text.replaceAll('http://127.0.0.1:8080', this.#service)
      : text;
    return addressed.replaceAll(/\b([a-z]{3})_…/g, (whole, kind) => this.#ids.get(kind) ?? whole);
  }

  async #type(text: string, mayFail: boolean): Promise<{ status: number; output: string }> {
    const file = join(this.#scratch, `block-${this.#count}.sh`);
    const out = join(this.#scratch, `block-${this.#count++}.out`);
    // Sourced, so that folders and variables stay; a failed command ends the block with its status.
    const trap = mayFail ? '' : "trap 'return $?' ERR\n";
    await writeFile(file, `${trap}${text}`);
    this.#bash.stdin?.write(
      `. '${file}' >'${out}' 2>&1 </dev/null; echo "::ended $?"; trap - ERR\n`,
    );
    const status = await this.#ended();
    const output = await readFile(out, 'utf8');
    for (const [id, kind] of output.matchAll(/\b([a-z]{3})_[a-z0-9]{10,}\b/g))
      this.#ids.set(kind, id);
    return { status, output };
  }

  async #ended(): Promise<number> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) return Number.NaN;
      const found = /^::ended (\d+)$/.exec(value);
      if (found) return Number(found[1]);
    }
  }
}

/** Where a reader works. */
export interface Place {
  readonly folder: string;
  /** The state of ventral, `VENTRAL_HOME`. */
  readonly home: string;
  /** For what the reader does not see. */
  readonly scratch: string;
}

/** An environment with nothing of the test's own, and `ventral` on the PATH. */
export function environmentOf({ home, scratch }: Place): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_|^VENTRAL_|^NODE_OPTIONS$|^VITEST|^DATABASE_URL$|^NODE_ENV$/i.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    ...{
      HOME: home,
      VENTRAL_HOME: join(home, 'ventral'),
      TERM: 'dumb',
      npm_config_update_notifier: 'false',
    },
    PATH: `${join(scratch, 'bin')}:${process.env.PATH}`,
  };
}

/** `ventral serve` on a free port, with a home of its own. */
export async function startService(place: Place): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--no-score-shipped'], {
    cwd: place.folder,
    env: { ...environmentOf(place), VENTRAL_HOME: join(place.home, 'service') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /^ventral is ready at (http:\/\/\S+)$/.exec(line);
    if (!found) continue;
    const stop = async () => {
      child.kill('SIGTERM');
      await ended;
    };
    return { url: found[1], stop };
  }
  throw new Error('ventral serve ended before it was ready');
}
