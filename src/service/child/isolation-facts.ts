import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../formats/package-root.js';
import { isOffline } from './confinement.js';
import type { Confinement } from './mechanisms.js';

/** Abilities of a child, found by trying. */
export interface IsolationFacts {
  /** Network interfaces that are up. */
  readonly interfaces: readonly string[];
  /** Whether it could open a file that is not of its task, or change the program. */
  readonly strangeFiles: boolean;
  /** Its PID namespace, as the system names it. */
  readonly processes: string;
  readonly user: number;
  readonly capabilities: boolean;
  readonly noNewPrivileges: boolean;
  readonly filtered: boolean;
}

/** Looks in this process. @param hidden path of a file that is not of its task */
export function isolationFacts(hidden: string): IsolationFacts {
  const status = attempt(() => readFileSync('/proc/self/status', 'utf8')) ?? '';
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\w+)`, 'm').exec(status)?.[1];
  const opens = (path: string, flags: string) =>
    attempt(() => closeSync(openSync(path, flags)) ?? true) === true;
  return {
    interfaces: Object.keys(attempt(networkInterfaces) ?? {}),
    // access(2) would not ask Landlock.
    strangeFiles: opens(hidden, 'r') || opens(join(packageRoot, 'package.json'), 'r+'),
    processes: processNamespace(),
    user: process.getuid?.() ?? -1,
    capabilities: /[1-9a-f]/.test(field('CapEff') ?? '0'),
    noNewPrivileges: field('NoNewPrivs') === '1',
    filtered: field('Seccomp') === '2',
  };
}

/** The PID namespace of this process, as the system names it. */
const processNamespace = (): string => attempt(() => readlinkSync('/proc/self/ns/pid')) ?? '';

/** What of a child's isolation holds, a sentence each. */
export function isolationFindings(
  { limiter, namespaces, privileges }: Confinement,
  facts: IsolationFacts,
): { readonly holds: boolean; readonly detail: string }[] {
  const layers = [
    ...(namespaces?.root ? ['a separate root folder'] : []),
    ...(privileges?.landlock ? ['Landlock'] : []),
  ].join(' and ');
  const says = (holds: boolean, good: string, bad: string) => ({
    holds,
    detail: holds ? good : bad,
  });
  return [
    says(limiter !== undefined, `${limiter} limits the data segment of children`, unlimited),
    says(facts.interfaces.length === 0, 'children have no network', networked),
    says(!facts.strangeFiles, `children see only the files of their task (${layers})`, seeing),
    says(
      facts.processes !== processNamespace(),
      'children see no other processes',
      'children see and can signal other processes of their user: this system makes no PID namespace',
    ),
    says(
      facts.noNewPrivileges && !facts.capabilities,
      'children have no capabilities and cannot gain any',
      'children may gain privileges: install setpriv (util-linux) to prevent that',
    ),
    says(
      facts.filtered,
      'a seccomp filter restricts the system calls of children',
      'children may make any system call: a filter needs setpriv of util-linux 2.41 and a kernel with seccomp',
    ),
    ...(process.getuid?.() === 0 ? [ofRoot(facts, namespaces?.user)] : []),
  ];
}

/** Being root is never good, but for what children make of it. */
const ofRoot = ({ user }: IsolationFacts, given: number | undefined) => ({
  holds: false,
  detail:
    user === 0 && given === undefined
      ? `${asRoot}; its children are root too, because this system does not map their files to another user`
      : `${asRoot}; its children run as user ${given}`,
});
const asRoot =
  'this is root: a fault in the service or in its isolation exposes the whole machine; run it as a separate user (deploy/README.md)';

const unlimited =
  'prlimit is not installed: the memory of children is monitored but not limited (prlimit is part of util-linux, on Linux)';
const networked =
  'children can reach the network: preventing that needs unshare of util-linux and either root or user namespaces, or setpriv of util-linux 2.41';
const seeing =
  'children see every file that their user may read: preventing that needs a mount namespace (unshare and mount of util-linux, and either root or user namespaces) or Landlock (setpriv of util-linux 2.40)';

/** The same before any child was started, for a log: what does not hold. */
export function isolationWarnings(confinement: Confinement): string[] {
  const { limiter, namespaces, privileges } = confinement;
  const root = namespaces?.root !== undefined;
  const lacks: readonly (readonly [boolean, string])[] = [
    [!isOffline(confinement), 'Children can reach the network here (see ventral doctor)'],
    [limiter === undefined, 'The memory of children is monitored here but not limited'],
    [
      !root && !privileges?.landlock,
      'Children see every file here that the user of the service may read (see ventral doctor)',
    ],
    [
      process.getuid?.() === 0,
      `The service runs as root: a fault in it exposes the whole machine${
        namespaces?.user === undefined ? ', and its children are root too' : ''
      }. Run it as a separate user (deploy/README.md)`,
    ],
  ];
  return lacks.filter(([lacking]) => lacking).map(([, warning]) => warning);
}

function attempt<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
