/** Shows older items of a list, if there are some. */
export function More({ more }: { readonly more: (() => void) | undefined }) {
  if (!more) return null;
  return (
    <p class="actions">
      <button type="button" onClick={more}>
        Show older
      </button>
    </p>
  );
}
