/** What this system lets us take away from a process, as the command words that do it. */
export interface Confinement {
  /** Path of `prlimit`, which limits the data segment; undefined where it is not there. */
  readonly limiter: string | undefined;
  /** Words that run a command with lower priority from its first thread on; empty where there are none. */
  readonly later: readonly string[];
  /** The namespaces of a command; undefined where the system makes none. */
  readonly namespaces: Namespaces | undefined;
  /** What `setpriv` takes away; undefined where it is not there. */
  readonly privileges: Privileges | undefined;
}

/** Namespaces that a command runs in. */
export interface Namespaces {
  /** Words that make them and run what follows. */
  readonly words: readonly string[];
  /**
   * The programs that make a root folder of a command's own; undefined where it runs in a network namespace and
   * in nothing else.
   */
  readonly root: RootPrograms | undefined;
  /** User and group that it runs under in place of root. */
  readonly user: number | undefined;
}

/** Paths of programs. */
export interface RootPrograms {
  readonly sh: string;
  readonly mount: string;
  readonly umount: string;
  readonly pivot: string;
}

/** What `setpriv` can take away here. */
export interface Privileges {
  /** Its path. */
  readonly program: string;
  /** Whether capabilities can be dropped outside of a user namespace: as root. */
  readonly capabilities: boolean;
  /** Whether Landlock is there: access to files by rules. */
  readonly landlock: boolean;
  /** The filter of system calls, where the kernel takes one. */
  readonly filter: Uint8Array | undefined;
}
