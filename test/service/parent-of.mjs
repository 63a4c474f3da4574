// A parent of one child, to be killed: node parent-of.mjs SCRIPT FOLDER TASK. It says when the child is there.
import { runChild } from '../../dist/src/service/child/child.js';

const [script, temporary, task] = process.argv.slice(2);
const limits = { memory: 2 ** 30, seconds: 600 };
runChild({ script, temporary, task: JSON.parse(task), reads: [], writes: [], limits }).catch(
  () => {},
);
