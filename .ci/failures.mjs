// Prints every failed test of the named vitest reports: its file, its name and the first lines of its message.
import { existsSync, readFileSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const LINES = 12;
const firstLines = (text) =>
  stripVTControlCharacters(text ?? '')
    .split('\n')
    .slice(0, LINES)
    .map((line) => `  ${line.slice(0, 300)}`)
    .join('\n');

for (const path of process.argv.slice(2)) {
  if (!existsSync(path)) {
    console.log(`${basename(path)}: no report`);
    continue;
  }
  for (const file of JSON.parse(readFileSync(path, 'utf8')).testResults) {
    const name = relative(process.cwd(), file.name);
    const failed = file.assertionResults.filter(({ status }) => status === 'failed');
    for (const { fullName, failureMessages } of failed)
      console.log(`FAILED: ${name}: ${fullName}\n${firstLines(failureMessages.join('\n'))}`);
    if (file.status === 'failed' && failed.length === 0)
      console.log(`FAILED: ${name}\n${firstLines(file.message)}`);
  }
}
