import type { Command } from 'commander';
import type { Finding } from '../../submission/finding.js';
import { printRows } from '../print/print-rows.js';
import type { Io } from '../terminal/io.js';

/** `ventral check-package`: what Brain-Score would say of an archive; exit status 2 where an error is found. */
export function registerCheckPackage(program: Command, io: Io): void {
  program
    .command('check-package')
    .description('check a submission by the rules of Brain-Score’s site and core')
    .argument('<file>', 'archive, .zip')
    .option('--json', 'print JSON')
    .action(async (path: string, options: { json?: boolean }) => {
      const { checkPackage } = await import('../../submission/check-package.js');
      const check = await checkPackage(path);
      const { findings, unchecked } = check;
      const errors = findings.filter(({ level }) => level === 'error').length;
      if (errors > 0) process.exitCode = 2;
      if (options.json) {
        io.out(`${JSON.stringify(check, null, 2)}\n`);
        return;
      }
      if (findings.length > 0) printFindings(findings, io);
      const counted = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;
      const warnings = counted(findings.length - errors, 'warning');
      io.err(`ventral: ${counted(errors, 'error')}, ${warnings}\n`);
      for (const { message } of unchecked) io.err(`ventral: not checked: ${message}\n`);
    });
}

/** What breaks a rule, and the file of Brain-Score that has the rule. */
export function printFindings(findings: readonly Finding[], io: Io): void {
  const rows = findings.map(({ rule, level, where, message, source }) => [
    level,
    rule,
    where || '(the archive)',
    message,
    source,
  ]);
  printRows(['level', 'rule', 'where', 'message', 'source'], rows, io);
}
