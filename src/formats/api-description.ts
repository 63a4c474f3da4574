import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { packageRoot } from './package-root.js';

interface Description {
  readonly text: string;
  readonly document: object;
}

let read: Description | undefined;

/** `openapi.yaml`, as text and parsed; read once. Whoever changes the document works on a copy. */
export function apiDescription(): Description {
  if (!read) {
    const text = readFileSync(join(packageRoot, 'openapi.yaml'), 'utf8');
    read = { text, document: parsedByBuild(text) ?? parse(text) };
  }
  return read;
}

/** What the build wrote to `dist/openapi.json`, unless the text has changed since: parsing YAML delays the start. */
function parsedByBuild(text: string): object | undefined {
  try {
    const built = JSON.parse(readFileSync(join(packageRoot, 'dist', 'openapi.json'), 'utf8'));
    return built.sha256 === sha256(text) ? built.document : undefined;
  } catch {
    return undefined;
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
