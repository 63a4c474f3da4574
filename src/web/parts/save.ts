/** Gives the reader a file, under the name given. */
export function saveFile(name: string, content: Blob | string, type = 'text/plain'): void {
  const blob = typeof content === 'string' ? new Blob([content], { type }) : content;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has the bytes when the download has started.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
