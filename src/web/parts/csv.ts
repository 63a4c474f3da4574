/** Rows as CSV (RFC 4180); text that a spreadsheet would compute is kept from it by an apostrophe. */
export const csvText = (rows: readonly (readonly unknown[])[]): string =>
  rows.map((row) => `${row.map(csvField).join(',')}\r\n`).join('');

function csvField(field: unknown): string {
  const plain = String(field ?? '');
  const text = typeof field === 'string' && /^[=+\-@\t\r]/.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
