import { hostileWord } from './damage.js';
import type { Dice } from './dice.js';

/** Forms with files, right ones and such as no client would send. */

export interface FormPart {
  readonly name: string;
  readonly content: Uint8Array;
  readonly filename?: string;
}

export interface Form {
  readonly type: string;
  readonly body: Uint8Array;
}

const BOUNDARY = 'fuzz-boundary';

/** A form as a client sends it. */
export function formOf(parts: readonly FormPart[]): Form {
  const chunks = parts.flatMap((part) => [head(part), part.content, Buffer.from('\r\n')]);
  const body = Buffer.concat([...chunks, Buffer.from(`--${BOUNDARY}--\r\n`)]);
  return { type: `multipart/form-data; boundary=${BOUNDARY}`, body };
}

function head({ name, filename }: FormPart, more = ''): Uint8Array {
  const file = filename === undefined ? '' : `; filename="${filename}"`;
  return Buffer.from(
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n${more}\r\n`,
  );
}

const plain = (name: string, content: string): FormPart => ({
  name,
  content: Buffer.from(content),
});

type FormDamage = (parts: readonly FormPart[], dice: Dice) => Form;

const swapped = (form: Form, from: string | RegExp, to: string): Form => ({
  type: form.type,
  body: Buffer.from(Buffer.from(form.body).toString('latin1').replace(from, to), 'latin1'),
});

const damages: readonly FormDamage[] = [
  // Without its last boundary, with a wrong one, or with half of it.
  (parts, dice) => {
    const form = formOf(parts);
    return { ...form, body: form.body.subarray(0, -dice.between(1, 40)) };
  },
  (parts) => ({ ...formOf(parts), type: 'multipart/form-data; boundary=another' }),
  (parts, dice) => ({
    ...formOf(parts),
    type: `multipart/form-data; boundary=${dice.pick(['', '"', '""', '"fuzz-boundary', "'", 'a b', 'x'.repeat(300)])}`,
  }),
  (parts) => formOf([...parts, ...parts]),
  (parts, dice) => formOf([plain(hostileWord(dice).replaceAll('"', '%22'), 'x'), ...parts]),
  (parts, dice) =>
    formOf([
      ...parts,
      ...Array.from({ length: dice.pick([3, 50, 2000]) }, (_, i) => plain(`p${i}`, '')),
    ]),
  (parts, dice) =>
    formOf([...parts, plain('card', 'c'.repeat(dice.pick([262_144, 262_145, 3_000_000])))]),
  (parts, dice) => formOf([...parts, plain('name', hostileWord(dice))]),
  (parts, dice) => formOf([...parts, plain('visibility', hostileWord(dice))]),
  (parts, dice) => formOf(parts.map((part) => ({ ...part, filename: hostileWord(dice) }))),
  () => formOf([]),
  (parts) => formOf(parts.filter(({ name }) => name !== 'file')),
  (parts) => swapped(formOf(parts), /\r\n/g, '\n'),
  (parts) => swapped(formOf(parts), 'form-data; ', ''),
  (parts) => swapped(formOf(parts), 'form-data', 'attachment'),
  (parts) => swapped(formOf(parts), 'name="file"', 'name=file'),
  (parts) => swapped(formOf(parts), 'name="file"', "name*=UTF-8''fi%6ce"),
  (parts) => swapped(formOf(parts), '; filename="', "; filename*=UTF-8''%2e%2e%2f%ff; filename=\""),
  (parts) => swapped(formOf(parts), /Content-Disposition[^\r]*\r\n/, ''),
  (parts) =>
    swapped(
      formOf(parts),
      'Content-Disposition',
      'Content-Type: multipart/mixed; boundary=inner\r\nContent-Disposition',
    ),
  (parts) =>
    swapped(
      formOf(parts),
      'Content-Disposition',
      'Content-Transfer-Encoding: base64\r\nContent-Disposition',
    ),
  (parts, dice) =>
    swapped(
      formOf(parts),
      'Content-Disposition',
      `X: ${'y'.repeat(dice.pick([8000, 9000, 200_000]))}\r\nContent-Disposition`,
    ),
  (parts) =>
    swapped(
      formOf(parts),
      'Content-Disposition',
      `${Array.from({ length: 500 }, (_, i) => `X-${i}: y\r\n`).join('')}Content-Disposition`,
    ),
  (parts, dice) => ({
    ...formOf(parts),
    body: Buffer.concat([dice.bytes(500), formOf(parts).body]),
  }),
  (parts, dice) => ({
    ...formOf(parts),
    body: Buffer.concat([formOf(parts).body, dice.bytes(5000)]),
  }),
];

/** A form with one thing wrong. */
export const formCase = (parts: readonly FormPart[], dice: Dice): Form =>
  dice.pick(damages)(parts, dice);
