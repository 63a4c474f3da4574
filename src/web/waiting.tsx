import { useLayoutEffect, useRef } from 'preact/hooks';
import './waiting.css';

/**
 * Says, as soon as somebody has gone to a page, that it is on its way.
 * @param first what the document held of the page, shown meanwhile
 */
export function Waiting({ first }: { readonly first: readonly Node[] }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => place.current?.replaceChildren(...first), []);
  return (
    <>
      <p class="waiting" role="status">
        <span class="unseen">Loading the page …</span>
      </p>
      <div ref={place} />
    </>
  );
}
