/** Numbers of a system call on x86-64 and on arm64; null if the architecture has no such call. */
type Numbers = readonly [x64: number | null, arm64: number | null];

/**
 * System calls that no child needs and exploits use: memory of other processes, namespaces and
 * mounts, kernel interfaces with a long record of faults, keys, modules, clocks.
 */
const denied: Readonly<Record<string, Numbers>> = {
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  setns: [308, 268],
  unshare: [272, 97],
  chroot: [161, 51],
  pivot_root: [155, 41],
  mount: [165, 40],
  umount2: [166, 39],
  open_tree: [428, 428],
  open_tree_attr: [467, 467],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  swapon: [167, 224],
  swapoff: [168, 225],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  reboot: [169, 142],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
  acct: [163, 89],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  syslog: [103, 116],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  vhangup: [153, 58],
  fanotify_init: [300, 262],
  lookup_dcookie: [212, 18],
  iopl: [172, null],
  ioperm: [173, null],
  modify_ldt: [154, null],
  uselib: [134, null],
  sysfs: [139, null],
};
const socket: Numbers = [41, 198];
const clone: Numbers = [56, 220];
const clone3: Numbers = [435, 435];

/** Of <linux/audit.h>. */
const architectures = { x64: 0xc000003e, arm64: 0xc00000b7 } as const;
/** Calls of the 32-bit ABI on x86-64 have numbers from here on. */
const X32 = 0x40000000;
/** CLONE_NEW* of <linux/sched.h>: time, mount, cgroup, uts, ipc, user, pid, net. */
const NAMESPACES = 0x7e020080;

/** Of <asm-generic/errno.h>. */
const EPERM = 1;
const ENOSYS = 38;
const ENETUNREACH = 101;
/** Of <linux/seccomp.h>. */
const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const fail = (errno: number) => 0x00050000 + errno;

/** Of <linux/bpf_common.h>. */
const LOAD = 0x20;
const EQUALS = 0x15;
const AT_LEAST = 0x35;
const ANY_BIT = 0x45;
const RETURN = 0x06;
/** Offsets in `struct seccomp_data`: number, architecture, low half of the first argument. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;

/**
 * A seccomp filter for children, as `setpriv --seccomp-filter` reads it: classic BPF of little-endian machines.
 * Denied calls fail with EPERM; there is no socket but pairs (ENETUNREACH); threads and processes can be made, and
 * namespaces cannot (`clone3` hides its flags, and fails with ENOSYS, at which the C library takes `clone`); calls of
 * another architecture end the process.
 * Undefined for other processors.
 */
export function syscallFilter(processor: string = process.arch): Uint8Array | undefined {
  if (processor !== 'x64' && processor !== 'arm64') return undefined;
  const here = processor === 'x64' ? 0 : 1;
  const numbers = Object.values(denied).flatMap((each) => each[here] ?? []);
  const rules: Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE],
    [EQUALS, 1, 0, architectures[processor]],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD, 0, 0, NUMBER],
    ...(processor === 'x64' ? when(AT_LEAST, X32, fail(EPERM)) : []),
    ...when(EQUALS, socket[here] as number, fail(ENETUNREACH)),
    ...when(EQUALS, clone3[here] as number, fail(ENOSYS)),
    ...numbers.flatMap((number) => when(EQUALS, number, fail(EPERM))),
    [EQUALS, 1, 0, clone[here] as number],
    [RETURN, 0, 0, ALLOW],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    ...when(ANY_BIT, NAMESPACES, fail(EPERM)),
    [RETURN, 0, 0, ALLOW],
  ];
  return assembled(rules);
}

type Instruction = readonly [code: number, whenTrue: number, whenFalse: number, operand: number];

/** Returns `answer` if the comparison holds, else continues. */
const when = (comparison: number, operand: number, answer: number): Instruction[] => [
  [comparison, 0, 1, operand],
  [RETURN, 0, 0, answer],
];

function assembled(rules: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(8 * rules.length);
  for (const [i, [code, whenTrue, whenFalse, operand]] of rules.entries()) {
    bytes.writeUInt16LE(code, 8 * i);
    bytes.writeUInt8(whenTrue, 8 * i + 2);
    bytes.writeUInt8(whenFalse, 8 * i + 3);
    bytes.writeUInt32LE(operand, 8 * i + 4);
  }
  return bytes;
}
