import type { Command, Option } from 'commander';

/** Shells that scripts are written for. */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** Names that stand for files of their kind. */
export interface KnownNames {
  readonly models: readonly string[];
  readonly benchmarks: readonly string[];
}

/** A command of the tree. */
interface Place {
  /** Its words, joined by spaces; empty for the program itself. */
  readonly path: string;
  readonly description: string;
  readonly commands: readonly Command[];
  readonly options: readonly Option[];
  /** What its arguments are; files where neither. */
  readonly takes: 'models' | 'benchmarks' | 'files';
}

const BENCHMARK_OPTION = '--benchmark';
const arguments_: Readonly<Record<string, Place['takes']>> = {
  ...{ model: 'models', models: 'models' },
  ...{ 'id|file': 'benchmarks', ids: 'benchmarks' },
};

/**
 * The script by which a shell completes commands, options, names of shipped models and identifiers of benchmarks;
 * file names otherwise.
 */
export function completionScript(shell: Shell, program: Command, names: KnownNames): string {
  const places = placesOf(program);
  if (shell === 'fish') return fishScript(places, names);
  const script = bashScript(places, names);
  return shell === 'bash'
    ? script
    : `#compdef ventral\nautoload -U +X bashcompinit && bashcompinit\n${script}`;
}

function placesOf(program: Command): Place[] {
  const global = program.options;
  const visit = (command: Command, path: readonly string[]): Place[] => [
    {
      path: path.join(' '),
      description: command.description(),
      commands: command.commands,
      options: path.length === 0 ? global : [...command.options, ...global],
      takes:
        command.registeredArguments
          .map((argument) => arguments_[argument.name()])
          .find((takes) => takes !== undefined) ?? 'files',
    },
    ...command.commands.flatMap((each) => visit(each, [...path, each.name()])),
  ];
  return visit(program, []);
}

const flagsOf = ({ long, short }: Option) => [long, short].filter((flag) => flag != null);
const takesValue = ({ required, optional }: Option) => required || optional;
/** In single quotes, for a shell. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

function bashScript(places: readonly Place[], { models, benchmarks }: KnownNames): string {
  const valued = new Set(
    places.flatMap(({ options }) => options.filter(takesValue).flatMap(flagsOf)),
  );
  const benchmarkFlags = places.flatMap(({ options }) =>
    options.filter(({ long }) => long === BENCHMARK_OPTION).flatMap(flagsOf),
  );
  for (const flag of benchmarkFlags) valued.delete(flag);
  const known = places.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  const cases = places.map(({ path, commands, options, takes }) => {
    const flags = [...options.flatMap(flagsOf), '--help', '-h'].join(' ');
    const words =
      commands.length > 0
        ? quoted(commands.map((each) => each.name()).join(' '))
        : takes === 'files'
          ? "''"
          : `"$${takes}"`;
    return `    ${quoted(path)}) flags=${quoted(flags)} words=${words} ;;`;
  });
  return `# Completion of ventral in bash: source <(ventral completion bash)
_ventral() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  local path='' next flags='' words='' i
  local models=${quoted(models.join(' '))}
  local benchmarks=${quoted(benchmarks.join(' '))}
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path }\${COMP_WORDS[i]}"
    case "$next" in
    ${known.join('|')}) path="$next" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  case "$prev" in
    ${[...new Set(benchmarkFlags)].join('|')}) words="$benchmarks" ;;
    ${[...valued].join('|')}) return ;;
    *) case "$cur" in -*) words="$flags" ;; esac ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _ventral ventral
`;
}

function fishScript(places: readonly Place[], names: KnownNames): string {
  const lines = places.flatMap(({ path, commands, options, takes }) => {
    const words = path.split(' ').filter(Boolean);
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`);
    const inner = commands.map((each) => each.name());
    const outside = inner.length > 0 ? [`not __fish_seen_subcommand_from ${inner.join(' ')}`] : [];
    const here = [...seen, ...outside].join('; and ');
    const add = (rest: string) =>
      `complete -c ventral${here === '' ? '' : ` -n ${quoted(here)}`} ${rest}`;
    return [
      ...commands.map((each) =>
        add(`-f -a ${quoted(each.name())} -d ${quoted(each.description())}`),
      ),
      ...(takes === 'files' ? [] : [add(`-a ${quoted(names[takes].join(' '))}`)]),
      ...options.map((option) => {
        const flags = [
          ...(option.long ? [`-l ${option.long.slice(2)}`] : []),
          ...(option.short ? [`-s ${option.short.slice(1)}`] : []),
          ...(takesValue(option) ? ['-r'] : []),
          ...(option.long === BENCHMARK_OPTION ? [`-a ${quoted(names.benchmarks.join(' '))}`] : []),
        ];
        return add(`${flags.join(' ')} -d ${quoted(option.description)}`);
      }),
    ];
  });
  return `# Completion of ventral in fish: ventral completion fish | source\n${lines.join('\n')}\n`;
}
