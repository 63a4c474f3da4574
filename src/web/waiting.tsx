import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import './waiting.css';

/** Whether a page is on its way; beside the router, which forgets the page before when it is drawn again. */
class PageLoad extends EventTarget {
  isOpen = false;

  set(isOpen: boolean): void {
    this.isOpen = isOpen;
    this.dispatchEvent(new Event('change'));
  }
}

const load = new PageLoad();
export const loadStarts = (): void => load.set(true);
export const loadEnds = (): void => load.set(false);
addEventListener('vite:preloadError', loadEnds);

/**
 * Says, as soon as somebody has gone to a page, that it is on its way.
 * @param first what the document held of the first page, shown until that has come
 */
export function Waiting({ first }: { readonly first: readonly Node[] }) {
  const [waiting, setWaiting] = useState(false);
  const kept = useRef(first);
  useLayoutEffect(() => {
    const look = () => {
      if (!load.isOpen) kept.current = [];
      setWaiting(load.isOpen);
    };
    look();
    load.addEventListener('change', look);
    return () => load.removeEventListener('change', look);
  }, []);
  if (!waiting) return null;
  return (
    <>
      <p class="waiting" role="status">
        <span class="unseen">Loading the page…</span>
      </p>
      <First nodes={kept.current} />
    </>
  );
}

function First({ nodes }: { readonly nodes: readonly Node[] }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => place.current?.replaceChildren(...nodes), []);
  return <div ref={place} />;
}
