import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const programs = ['munged', 'slurmctld', 'slurmd'] as const;
const found = (name: string) =>
  ['/usr/sbin', '/usr/bin', '/sbin'].map((folder) => join(folder, name)).find(existsSync);

/** Why no cluster can be started here; undefined where one can. */
export function whyNoSlurm(): string | undefined {
  const missing = programs.filter((name) => found(name) === undefined);
  if (missing.length > 0)
    return `${missing.join(', ')} not installed (Debian: slurmctld, slurmd, slurm-client, munge)`;
  if (process.env.VENTRAL_TEST_SLURM !== '1')
    return 'VENTRAL_TEST_SLURM=1 asks for it: some minutes';
  if (process.getuid?.() !== 0) return 'slurmd starts jobs as root alone';
  const { status } = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']);
  return status === 0 ? undefined : 'no PID namespaces, which stand in for hosts';
}

/** A cluster of Slurm on this machine, each node with the processes of a PID namespace of its own. */
export interface SlurmCluster {
  readonly version: string;
  /** For programs that speak to it. */
  readonly environment: NodeJS.ProcessEnv;
  /** Runs a program of Slurm. @returns what it printed */
  ask(program: string, ...words: readonly string[]): Promise<string>;
  /** Ends a node with all its processes at once, as when its power is cut. */
  cut(node: string): Promise<void>;
  /** The logs of its daemons, for a test that fails. */
  logs(): Promise<string>;
  stop(): Promise<void>;
}

/** Starts `munged`, `slurmctld` and a `slurmd` a node. A job of the partition `high` preempts those of `low`. */
export async function startSlurm(nodes: readonly string[], slots: number): Promise<SlurmCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'ventral-cluster-'));
  const daemons = new Map<string, ChildProcess>();
  const stop = async () => {
    for (const child of [...daemons.values()].reverse()) await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await writeFiles(folder, nodes, slots);
    const environment = { ...process.env, SLURM_CONF: join(folder, 'slurm.conf') };
    const start = (name: string, words: readonly string[]) =>
      daemons.set(name, spawn(words[0], words.slice(1), { env: environment, stdio: 'ignore' }));
    const at = (name: string) => join(folder, name);
    start('munged', [
      ...[found('munged') as string, '--foreground', '--force', `--key-file=${at('munge.key')}`],
      ...[`--socket=${at('munge.socket')}`, `--pid-file=${at('munge.pid')}`],
      ...[`--log-file=${at('munged.log')}`, `--seed-file=${at('munge.seed')}`],
    ]);
    await until(() => existsSync(at('munge.socket')) || undefined);
    start('slurmctld', [found('slurmctld') as string, '-D', '-i']);
    for (const node of nodes)
      start(node, [
        ...['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'],
        ...[found('slurmd') as string, '-D', '-N', node],
      ]);
    const ask = (program: string, ...words: readonly string[]) =>
      output(program, words, environment);
    await until(async () => {
      const states = await ask('sinfo', '--noheader', '--Node', '--format=%T').catch(() => '');
      return /^(?:idle\n)+$/.test(states) || undefined;
    });
    return {
      version: (await ask('sinfo', '--version')).trim(),
      environment,
      ask,
      async cut(node) {
        await end(daemons.get(node) as ChildProcess, 'SIGKILL');
      },
      logs: () => logsOf(folder),
      stop,
    };
  } catch (error) {
    const said = await logsOf(folder);
    await stop();
    throw new Error(`Slurm does not start: ${said}`, { cause: error });
  }
}

async function writeFiles(folder: string, nodes: readonly string[], slots: number): Promise<void> {
  await mkdir(join(folder, 'state'), { mode: 0o700 });
  await writeFile(join(folder, 'munge.key'), randomBytes(1024), { mode: 0o600 });
  await writeFile(join(folder, 'cgroup.conf'), 'CgroupPlugin=disabled\n');
  const [controller, ...ports] = await freePorts(1 + nodes.length);
  const host = hostname();
  const places = nodes.map(
    (node, i) =>
      `NodeName=${node} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${ports[i]} CPUs=${slots} RealMemory=2000 State=UNKNOWN`,
  );
  const all = nodes.join(',');
  const settings = `ClusterName=ventral
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${controller}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/munge.socket
CredType=cred/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool-%n
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd-%n.pid
SlurmctldLogFile=${folder}/slurmctld.log
SlurmdLogFile=${folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
ReturnToService=2
SlurmdTimeout=10
KillWait=15
MpiDefault=none
SchedulerParameters=sched_interval=2,bf_interval=3
${places.join('\n')}
PartitionName=low Nodes=${all} Default=YES MaxTime=60 PriorityTier=1 State=UP
PartitionName=high Nodes=${all} MaxTime=60 PriorityTier=10 PreemptMode=OFF State=UP
`;
  await writeFile(join(folder, 'slurm.conf'), settings);
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function output(
  program: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const child = spawn(program, words, { env: environment });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const [status] = await once(child, 'close');
  if (status !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${status}: ${err}`);
  return out;
}

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill(signal);
  const late = setTimeout(() => child.kill('SIGKILL'), 5000);
  await closed;
  clearTimeout(late);
}

async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (const deadline = Date.now() + 60_000; ; await sleep(200)) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error('not within a minute');
  }
}

async function logsOf(folder: string): Promise<string> {
  const names = ['munged.log', 'slurmctld.log', 'slurmd-node1.log', 'slurmd-node2.log'];
  const texts = names.map(async (name) => {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '(none)');
    return `== ${name}\n${text.slice(-6000)}`;
  });
  return (await Promise.all(texts)).join('\n');
}
