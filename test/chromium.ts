import chromium from '@sparticuz/chromium';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The program of the browser that pages are tested in. */
    readonly chromium: string;
  }
}

/** Unpacks the browser once, before test files that run side by side would each. */
export default async function setup(project: TestProject): Promise<void> {
  project.provide('chromium', await chromium.executablePath());
}
