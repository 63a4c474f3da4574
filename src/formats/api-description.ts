import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { packageRoot } from './package-root.js';

let read: { readonly text: string; readonly document: object } | undefined;

/** `openapi.yaml`, as text and parsed; read once. Whoever changes the document works on a copy. */
export function apiDescription(): { readonly text: string; readonly document: object } {
  if (!read) {
    const text = readFileSync(join(packageRoot, 'openapi.yaml'), 'utf8');
    read = { text, document: parse(text) };
  }
  return read;
}
