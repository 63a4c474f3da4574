import { useState } from 'preact/hooks';
import { Problem } from './problem.js';

/**
 * A button for what cannot be undone: it asks once more, and shows what the service refused.
 * @param label what it would do
 * @param sure what the second button says
 */
export function ConfirmedButton({
  label,
  sure,
  act,
}: {
  readonly label: string;
  readonly sure: string;
  readonly act: () => Promise<void>;
}) {
  const [asked, setAsked] = useState(false);
  const [error, setError] = useState<Error>();
  const confirm = async () => {
    setAsked(false);
    await act().catch(setError);
  };
  return (
    <>
      <p class="actions">
        {asked ? (
          <>
            <button type="button" onClick={confirm}>
              {sure}
            </button>
            <button type="button" onClick={() => setAsked(false)}>
              Cancel
            </button>
          </>
        ) : (
          <button type="button" onClick={() => setAsked(true)}>
            {label}…
          </button>
        )}
      </p>
      {error && <Problem error={error} />}
    </>
  );
}
