import { useEffect, useState } from 'preact/hooks';

/**
 * Says that a part of the application did not come when it was first needed: a page, the library that draws.
 * Browsers keep the failure for as long as the document lives, so that only loading it again helps.
 */
export function MissingPart() {
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    const note = () => setMissing(true);
    addEventListener('vite:preloadError', note);
    return () => removeEventListener('vite:preloadError', note);
  }, []);
  if (!missing) return null;
  return (
    <div class="problem" role="alert">
      <p>
        <strong>A part of this page failed to load</strong>
      </p>
      <p>
        The connection was lost, or the service was updated after the page was opened. Reloading
        discards unsent input.
      </p>
      <p class="actions">
        <button type="button" onClick={() => location.reload()}>
          Reload the page
        </button>
      </p>
    </div>
  );
}
