#!/usr/bin/env node
import { runCommandLine } from './command-line.js';
import { processIo } from './terminal/io.js';

// A reader that closes the pipe (`| head`) is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? 0 : 1),
);
process.exitCode = await runCommandLine(process.argv, processIo());
