import { useEffect, useRef, useState } from 'preact/hooks';
import { answer, client } from '../../client/client.js';

/**
 * A stimulus as the service draws it. An image element could send no key, so that it is fetched as
 * everything else is, and painted on a canvas.
 * @param degrees visual angle of the screen; undefined: as the image is stored
 */
export function StimulusPicture({
  benchmark,
  stimulus,
  set,
  degrees,
}: {
  readonly benchmark: string;
  readonly stimulus: string;
  readonly set: 'test' | 'fitting';
  readonly degrees: number | undefined;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [painted, setPainted] = useState<string>();
  const [error, setError] = useState<Error>();
  const seen = degrees === undefined ? 'as stored' : `on a screen of ${degrees} degrees`;
  const asked = JSON.stringify([benchmark, stimulus, set, degrees]);
  useEffect(() => {
    const ending = new AbortController();
    setError(undefined);
    setPainted(undefined);
    picture({ benchmark, stimulus, set, degrees }, ending.signal).then(
      (bitmap) => {
        const target = canvas.current;
        if (ending.signal.aborted || !target) return;
        target.width = bitmap.width;
        target.height = bitmap.height;
        target.getContext('2d')?.drawImage(bitmap, 0, 0);
        setPainted(asked);
      },
      (reason) => ending.signal.aborted || setError(reason),
    );
    return () => ending.abort();
  }, [asked]);
  if (error) return <p class="stimulus quiet">{error.message}</p>;
  // What was painted for another angle keeps its place, unseen: beside the label of this one it would be wrong.
  const isCurrent = painted === asked;
  return (
    <canvas
      class={isCurrent ? 'stimulus' : 'stimulus waiting'}
      ref={canvas}
      role="img"
      aria-busy={!isCurrent}
      aria-label={`${stimulus} ${isCurrent ? seen : 'loading'}`}
    />
  );
}

interface Asked {
  readonly benchmark: string;
  readonly stimulus: string;
  readonly set: 'test' | 'fitting';
  readonly degrees: number | undefined;
}

async function picture(
  { benchmark, stimulus, set, degrees }: Asked,
  signal: AbortSignal,
): Promise<ImageBitmap> {
  const png = await answer(
    client.GET('/benchmarks/{benchmark}/stimuli/{stimulus}/picture', {
      params: {
        path: { benchmark, stimulus },
        query: { set, ...(degrees === undefined ? {} : { degrees }) },
      },
      parseAs: 'blob',
      signal,
    }),
  );
  return createImageBitmap(png as Blob);
}
