import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import chromium from '@sparticuz/chromium';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The program of the browser that pages are tested in. */
    readonly chromium: string;
    /** Where libraries lie that this system lacks and the browser needs; empty if it lacks none. */
    readonly chromiumLibraries: string;
  }
}

/** Unpacks the browser once, before test files that run side by side would each. */
export default async function setup(project: TestProject): Promise<void> {
  const path = await unpacked();
  const runs = spawnSync(path, ['--version']).status === 0;
  project.provide('chromium', path);
  project.provide('chromiumLibraries', runs ? '' : join(tmpdir(), 'al2023', 'lib'));
}

/** With NSS and the like, which the package brings along and unpacks where it takes the place for AWS Lambda. */
async function unpacked(): Promise<string> {
  const before = process.env.AWS_EXECUTION_ENV;
  process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs20.x';
  try {
    return await chromium.executablePath();
  } finally {
    if (before === undefined) delete process.env.AWS_EXECUTION_ENV;
    else process.env.AWS_EXECUTION_ENV = before;
  }
}
