import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { program, runCommandLine } from '../../../src/cli/command-line.js';
import type { Io } from '../../../src/cli/terminal/io.js';

async function scriptOf(shell: string) {
  let [out, err] = ['', ''];
  const io: Io = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    interactive: false,
    color: false,
  };
  const status = await runCommandLine(['node', 'ventral', 'completion', shell], io);
  return { status, out, err };
}

describe('bash', () => {
  let script: string;
  beforeAll(async () => {
    script = (await scriptOf('bash')).out;
  });

  /** What bash offers for a line that ends where the cursor is. */
  async function offered(line: string): Promise<string[]> {
    const ask = `${script}
COMP_LINE=$1 COMP_POINT=\${#1}
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_ventral
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const words = ['-u', '-c', ask, 'bash', line, ...line.split(' ')];
    const { stdout, stderr } = await promisify(execFile)('bash', words);
    expect(stderr).toBe('');
    return stdout.split('\n').filter(Boolean);
  }

  test('completes commands, and those of groups', async () => {
    const all = await offered('ventral ');
    const known = program({ out() {}, err() {}, interactive: false, color: false }).commands;
    expect(all).toEqual(known.map((each) => each.name()));
    expect(await offered('ventral sc')).toEqual(['score']);
    expect(await offered('ventral keys ')).toEqual(['create', 'list', 'revoke']);
    expect(await offered('ventral --verbose --home /srv keys r')).toEqual(['revoke']);
  });

  test('completes options of the command, and global ones', async () => {
    expect(await offered('ventral map --co')).toEqual(['--commit']);
    expect(await offered('ventral score gabor-v1 --max-m')).toEqual(['--max-memory']);
    expect(await offered('ventral keys create --ro')).toEqual(['--role']);
    expect(await offered('ventral score --commit')).toEqual([]);
  });

  test('completes names of shipped models and benchmarks', async () => {
    expect(await offered('ventral score gab')).toEqual(['gabor-v1']);
    expect(await offered('ventral score gabor-v1 -b Simulated.V1-p')).toContain('Simulated.V1-pls');
    expect(await offered('ventral benchmarks show MajajHong2015public.IT-p')).toContain(
      'MajajHong2015public.IT-pls',
    );
    expect(await offered('ventral models show efficient')).toContain('efficientnet-b1');
  });

  test('leaves other values to the names of files', async () => {
    for (const line of ['ventral score x.onnx --card ', 'ventral train ', 'ventral backup '])
      expect(await offered(line)).toEqual([]);
    expect(script).toMatch(/^complete -o default -F _ventral ventral$/m);
  });
});

test('zsh has the same functions', async () => {
  const { status, out } = await scriptOf('zsh');
  expect(status).toBe(0);
  expect(out).toMatch(/^#compdef ventral\n.*bashcompinit/);
  expect(out).toContain((await scriptOf('bash')).out);
});

test('fish has a line an option, each with whole quotes', async () => {
  const { status, out } = await scriptOf('fish');
  expect(status).toBe(0);
  const lines = out.trimEnd().split('\n').slice(1);
  for (const line of lines) expect(line).toMatch(/^complete -c ventral( -n '[^']*')? -/);
  // Without \', which ends and begins a quote, quotes come in pairs.
  for (const line of lines)
    expect((line.replaceAll(`'\\''`, '').match(/'/g) ?? []).length % 2, line).toBe(0);
  expect(out).toMatch(
    /seen_subcommand_from score' -l benchmark -s b -r -a '[^']*Simulated\.V1-pls/,
  );
  expect(out).toMatch(/-f -a 'score' -d '/);
});

test('another shell is refused', async () => {
  const { status, out, err } = await scriptOf('csh');
  expect([status, out]).toEqual([2, '']);
  expect(err).toMatch(/^ventral: .*bash, zsh, fish.*\n$/);
});
