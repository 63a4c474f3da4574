import { useEffect } from 'preact/hooks';

/** Names the document after what its page shows. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · ventral`;
  }, [title]);
}
