/** What this system lets us take away from a process, as the command words that do it. */
export interface Confinement {
  /** Path of `prlimit`, which limits the data segment; undefined if it is missing. */
  readonly limiter: string | undefined;
  /** Words that run a command with lower priority from its first thread on; empty if there are none. */
  readonly later: readonly string[];
  /** The namespaces of a command; undefined if the system makes none. */
  readonly namespaces: Namespaces | undefined;
  /** Options of `setpriv` that drop privileges; undefined if it is missing. */
  readonly privileges: Privileges | undefined;
}

/** Namespaces that a command runs in. */
export interface Namespaces {
  /** Words that make them and run what follows. */
  readonly words: readonly string[];
  /**
   * The programs that set up a private root folder; undefined if only a network namespace is available.
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
  /** Whether Landlock (file access rules) is available. */
  readonly landlock: boolean;
  /** The filter of system calls, where the kernel takes one. */
  readonly filter: Uint8Array | undefined;
}
