import type { Command } from 'commander';
import { VentralError } from '../../errors/ventral-error.js';
import { packageVersion } from '../../formats/package-root.js';
import { type Provider, providers } from '../../runtime/provider.js';
import type { QueueDepth } from '../../store/jobs/queue-depth.js';
import type { WorkerRecord } from '../../store/jobs/worker-store.js';
import { databaseUrl, globalOptions } from '../options/global-options.js';
import { offeredProvider } from '../options/provider-option.js';
import { readTime } from '../options/read-time.js';
import { printRows } from '../print/print-rows.js';
import type { Io } from '../terminal/io.js';
import { requireWork } from './leave.js';
import type { Pilot } from './slurm-programs.js';

/** Options of `ventral slurm up` that sbatch has, too. */
const passed = ['time', 'gres', 'partition', 'account', 'qos'] as const;

interface UpOptions extends Partial<Record<(typeof passed)[number], string>> {
  readonly max: string;
  readonly cpus?: string;
  readonly mem?: string;
  readonly drainBefore: string;
  readonly sbatch: readonly string[];
  readonly dryRun?: boolean;
}

/** Most elements of an array as Slurm is set up unless somebody says otherwise (MaxArraySize). */
const MOST = 1000;
/** Before the time limit, so that a job is back in the queue when Slurm ends its worker. */
const SIGNAL = 'B:TERM@30';

/** `ventral slurm up|status|down`: workers as pilot jobs of Slurm. */
export function registerSlurm(program: Command, io: Io): void {
  const group = program.command('slurm').description('workers as pilot jobs of Slurm');
  registerUp(group, io);
  group
    .command('status')
    .description('show the pilot jobs of this user, and the queue')
    .option('--json', 'print JSON')
    .action((_options: unknown, command: Command) => status(command, io));
  group
    .command('down')
    .description('cancel the pilot jobs; what they work on returns to the queue')
    .option('--drain', 'let running ones finish the job that they have')
    .action((_options: unknown, command: Command) => down(command, io));
}

function registerUp(group: Command, io: Io): void {
  group
    .command('up')
    .description('submit pilot jobs, as many as the queue in DATABASE_URL has work for')
    .argument('[worker...]', 'after --: more options of ventral worker')
    .requiredOption('--max <n>', 'most pilot jobs at a time, with those that are there already')
    .option('--time <time>', 'time limit of each, such as 4:00:00; default: that of the partition')
    .option('--gres <resources>', 'generic resources of each, such as gpu:1')
    .option('--cpus <n>', 'processors of each (--cpus-per-task), and threads of its worker')
    .option('--mem <size>', 'memory of each, as sbatch reads it, such as 8G')
    .option('--partition <name>', 'partition to submit to')
    .option('--account <name>', 'account to charge')
    .option('--qos <name>', 'quality of service')
    .option('--drain-before <time>', 'take no new job when the limit is nearer than this', '5m')
    .option(
      '--sbatch <option>',
      'any other option of sbatch, such as --sbatch=--constraint=avx2 (repeatable)',
      (option: string, others: readonly string[]) => [...others, option],
      [],
    )
    .option('--dry-run', 'print what would be submitted')
    .action((worker: readonly string[], _options: unknown, command: Command) =>
      up(worker, command, io),
    );
}

async function up(worker: readonly string[], command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const options = command.opts<UpOptions>();
  const most = readMost(options.max);
  checkUp(options, worker, command);
  const offered = offeredBy(worker, command);
  const url = requireDatabase();
  const { listPilots, slurm } = await import('./slurm-programs.js');
  const { pilotFiles, pilotScript, writeEnvironment } = await import('./pilot-script.js');
  const files = pilotFiles(home, url);
  const words = ['--until-empty', '--drain-before', options.drainBefore, '--home', home, ...worker];
  const script = pilotScript(files, words);
  const submit = (count: number) => sbatchWords(options, files, count);
  if (options.dryRun) {
    io.out(`sbatch ${submit(most).join(' ')}\n${script}`);
    return;
  }
  const { depth } = await readQueue(url, offered);
  const queue = `${queueText(depth)}${othersText(depth, offered)}`;
  const pilots = await listPilots(files.name);
  const count = missing(depth, pilots, most);
  if (count === 0) {
    io.out(`Nothing submitted: ${queue}, ${pilotsText(pilots)}\n`);
    return;
  }
  await writeEnvironment(files, process.env);
  const [id] = (await slurm('sbatch', submit(count), script)).trim().split(';');
  const jobs = count === 1 ? '1 pilot job' : `${count} pilot jobs`;
  io.out(`Submitted ${jobs} as array ${id}: ${queue}\n`);
}

/**
 * Refuses here what would fail in a log file later.
 * @throws VentralError `bad-usage`
 */
function checkUp(
  { time, drainBefore, cpus, mem }: UpOptions,
  words: readonly string[],
  up: Command,
) {
  const refuse = (sentence: string) => new VentralError('bad-usage', sentence);
  readTime(drainBefore, '--drain-before');
  if (time !== undefined) requireWork(time, drainBefore);
  if (cpus !== undefined && !/^[1-9]\d{0,3}$/.test(cpus))
    throw refuse(`--cpus: expected a whole number from 1, found "${cpus}"`);
  if (mem !== undefined && !/^\d{1,9}[KMGT]?$/i.test(mem))
    throw refuse(`--mem: expected a size as sbatch reads it, such as 8G, found "${mem}"`);
  const program = up.parent?.parent;
  const options = [...(program?.options ?? []), ...(workerOf(up)?.options ?? [])];
  const known = options.map(({ long }) => long);
  const odd = words.find((word) => word.startsWith('-') && !known.includes(word.split('=')[0]));
  if (odd !== undefined) throw refuse(`ventral worker has no option ${odd}`);
}

/** The command `ventral worker`. */
const workerOf = (up: Command) =>
  up.parent?.parent?.commands.find((each) => each.name() === 'worker');

/**
 * What pilot jobs compute on, as their workers read it. What `auto` finds on their nodes is not known here.
 * @throws VentralError `bad-usage`
 */
function offeredBy(words: readonly string[], up: Command): readonly Provider[] {
  const worker = workerOf(up);
  if (!worker) return ['cpu'];
  worker.parseOptions([...words]);
  const asked = offeredProvider(worker);
  if (asked === 'auto') return providers;
  return asked === 'cpu' ? ['cpu'] : ['cpu', asked];
}

function readMost(text: string): number {
  const most = Number(text);
  if (/^\d{1,4}$/.test(text) && most >= 1 && most <= MOST) return most;
  throw new VentralError(
    'bad-usage',
    `--max: expected a whole number from 1 to ${MOST}, found "${text}"`,
    { field: 'max' },
  );
}

function requireDatabase(): string {
  const url = databaseUrl();
  if (url !== undefined) return url;
  throw new VentralError(
    'bad-usage',
    'ventral slurm needs the PostgreSQL of the service: set DATABASE_URL, such as postgresql://user:password@host:5432/ventral',
    { field: 'DATABASE_URL' },
  );
}

/** Words of sbatch: nothing of the environment goes along, which accounting may keep. */
function sbatchWords(
  options: UpOptions,
  { name, logs }: { readonly name: string; readonly logs: string },
  count: number,
): string[] {
  const { cpus, mem, sbatch } = options;
  return [
    ...['--parsable', '--export=NIL', '--requeue', '--open-mode=append'],
    ...[`--job-name=${name}`, `--array=1-${count}`, `--signal=${SIGNAL}`],
    `--output=${logs}/%A_%a.log`,
    ...passed.flatMap((option) =>
      options[option] === undefined ? [] : [`--${option}=${slurmValue(option, options[option])}`],
    ),
    ...(cpus === undefined ? [] : [`--cpus-per-task=${cpus}`]),
    ...(mem === undefined ? [] : [`--mem=${mem}`]),
    ...sbatch,
  ];
}

/** Slurm reads `4h` as something else. */
function slurmValue(option: (typeof passed)[number], text: string): string {
  if (option !== 'time' || !/[smh]$|^\d+d$/.test(text)) return text;
  return String(Math.ceil(readTime(text, '--time') / 60));
}

/**
 * How many pilot jobs are to be submitted: those that wait will take a queued job each, those that run have one; idle
 * workers share a map.
 */
export function missing(depth: QueueDepth, pilots: readonly Pilot[], most: number): number {
  const waiting = pilots.filter(notStarted).length;
  const work = depth.maps > 0 ? most : depth.queued;
  return Math.max(0, Math.min(work - waiting, most - pilots.length));
}

/** A pilot job whose node still boots has taken nothing either. */
const notStarted = ({ state }: Pilot) => state === 'PENDING' || state === 'CONFIGURING';

const queueText = ({ queued, running }: QueueDepth) => `${queued} queued and ${running} running`;

const othersText = ({ others }: QueueDepth, offered: readonly Provider[]) =>
  others === 0 ? '' : `; ${others} more wait for a provider other than ${offered.join(', ')}`;

function pilotsText(pilots: readonly Pilot[]): string {
  const running = pilots.filter(({ state }) => state === 'RUNNING').length;
  const waiting = pilots.filter(({ state }) => state === 'PENDING').length;
  return `pilot jobs: ${running} running, ${waiting} pending, ${pilots.length - running - waiting} other`;
}

/** The queue, for workers that offer this, and the workers that do its jobs. */
async function readQueue(
  url: string,
  offered?: readonly Provider[],
): Promise<{ readonly depth: QueueDepth; readonly workers: readonly WorkerRecord[] }> {
  const { openPostgresDatabase } = await import('../../store/database/postgres-database.js');
  const { WorkerStore } = await import('../../store/jobs/worker-store.js');
  const { queueDepth } = await import('../../store/jobs/queue-depth.js');
  const database = await openPostgresDatabase(url);
  try {
    const workers = new WorkerStore(database);
    await workers.requireSameVersion(packageVersion);
    return { depth: await queueDepth(database, offered), workers: await workers.list() };
  } finally {
    await database.close();
  }
}

async function status(command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const url = requireDatabase();
  const { listPilots } = await import('./slurm-programs.js');
  const { pilotFiles } = await import('./pilot-script.js');
  const pilots = await listPilots(pilotFiles(home, url).name);
  const { depth, workers } = await readQueue(url);
  if (command.optsWithGlobals().json) {
    const { queued, running } = depth;
    const queue = { queued, running, workers: workers.length };
    io.out(`${JSON.stringify({ pilots, queue }, null, 2)}\n`);
    return;
  }
  if (pilots.length > 0) printPilots(pilots, io);
  io.err(`${pilotsText(pilots)}; queue: ${queueText(depth)}; active workers: ${workers.length}\n`);
}

/** Pilot jobs with what Slurm says of them. */
export function printPilots(pilots: readonly Pilot[], io: Io): void {
  printRows(
    ['id', 'state', 'node', 'elapsed', 'left', 'reason'],
    pilots.map(({ id, state, node, elapsed, left, reason }) => [
      ...[id, state, node, elapsed, left],
      reason === 'None' ? '' : reason,
    ]),
    io,
  );
}

async function down(command: Command, io: Io): Promise<void> {
  const { home } = globalOptions(command);
  const { drain = false } = command.opts<{ drain?: boolean }>();
  const { listPilots, slurm } = await import('./slurm-programs.js');
  const { pilotFiles, removeEnvironment } = await import('./pilot-script.js');
  const files = pilotFiles(home, requireDatabase());
  const pilots = await listPilots(files.name);
  const running = pilots.filter(({ state }) => state === 'RUNNING');
  const completing = pilots.filter(({ state }) => state === 'COMPLETING');
  const others = pilots.filter((pilot) => ![...running, ...completing].includes(pilot));
  if (drain) {
    // A suspended one gets no other signal, and would go on with the queue later.
    if (others.length > 0) await slurm('scancel', others.map(idOf));
    if (running.length > 0)
      await slurm('scancel', ['--batch', '--signal=USR2', ...running.map(idOf)]);
  } else if (pilots.length > 0) await slurm('scancel', ['--me', `--name=${files.name}`]);
  // A node that fails has its pilot jobs started again, which then read it.
  const kept = drain && running.length + completing.length > 0;
  if (!kept) await removeEnvironment(files);
  const waiting = others.filter(notStarted).length;
  const suspended = others.length - waiting;
  const end = drain ? 'finish the job that they have' : 'hand their jobs back';
  io.out(
    `Cancelled ${waiting} pilot jobs that had not started${suspended > 0 ? ` and ${suspended} suspended ones` : ''}; ${running.length} running ones ${end}\n`,
  );
  if (kept)
    io.out(
      `${files.environment} keeps DATABASE_URL and VENTRAL_KEY for them: run ventral slurm down once they have ended\n`,
    );
}

const idOf = ({ id }: Pilot) => id;
