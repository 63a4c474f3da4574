import { useState } from 'preact/hooks';

/** Copies a text; it says when it has, and when the browser did not let it. */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [said, setSaid] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied');
    } catch {
      setSaid('Could not copy. Select the text and copy it yourself.');
    }
  };
  return (
    <>
      <button type="button" onClick={copy}>
        Copy {what}
      </button>{' '}
      <span role="status">{said}</span>
    </>
  );
}
