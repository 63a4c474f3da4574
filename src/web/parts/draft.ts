const PREFIX = 'ventral-draft ';

/** Edits that are not saved yet: this tab keeps them through a reload, the way back, and a new sign-in. */
export function readDraft<T>(key: string): T | undefined {
  const text = sessionStorage.getItem(PREFIX + key);
  return text === null ? undefined : (JSON.parse(text) as T);
}

/** Keeps edits; without room for them they are lost with the page. */
export function keepDraft(key: string, draft: object): void {
  try {
    sessionStorage.setItem(PREFIX + key, JSON.stringify(draft));
  } catch {
    // A full store: the page goes on as it would without one.
  }
}

export const dropDraft = (key: string): void => sessionStorage.removeItem(PREFIX + key);

/** What one user wrote is not the next one's. */
export function dropDrafts(): void {
  for (const key of Object.keys(sessionStorage))
    if (key.startsWith(PREFIX)) sessionStorage.removeItem(key);
}
