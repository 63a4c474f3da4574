import { useEffect, useState } from 'preact/hooks';
import type { Schemas } from '../client/client.js';
import { duration } from './format.js';
import './job-progress.css';

const stages: Readonly<Record<string, { readonly says: string; readonly unit: string }>> = {
  data: { says: 'Reading stimuli and recordings', unit: 'benchmark' },
  activations: { says: 'Running the network over the stimuli', unit: 'stimulus' },
  reduction: { says: 'Reducing activations', unit: 'megabyte' },
  metric: { says: 'Comparing layers with recordings', unit: 'comparison' },
  parts: { says: 'Distributing work to other workers', unit: 'part' },
};

interface JobProgressProps {
  readonly progress: Schemas['Progress'];
  /** What an item of a stage is called that has no name of its own. */
  readonly unit?: string;
}

/** What a stage does. */
export const stageWords = (stage: string): string => stages[stage]?.says ?? stage;

/** How far a whole job is: one bar, elapsed and remaining time, and the stage that it is in. */
export function JobProgress({ progress, unit: usual = 'step' }: JobProgressProps) {
  const { stage, done, total, share, elapsedSeconds, etaSeconds } = progress;
  const since = useSecondsSince(progress);
  const { unit } = stages[stage] ?? { unit: usual };
  const left = etaSeconds === null ? undefined : Math.max(0, etaSeconds - since);
  return (
    <div class="job-progress">
      <progress value={share} max={1} aria-label="Progress of the job" />
      <p>
        {Math.floor(100 * share)} % · {duration(Math.round(elapsedSeconds + since))} elapsed
        {left !== undefined && ` · about ${duration(Math.ceil(left))} left`}
      </p>
      <p class="quiet">
        <span aria-live="polite">{stageWords(stage)}</span>
        {total > 0 && `, ${unit} ${Math.round(done)} of ${Math.round(total)}`}
      </p>
    </div>
  );
}

/** Whole seconds since a report arrived: a busy stage sends nothing for a while. */
function useSecondsSince(report: object): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    setSeconds(0);
    const timer = setInterval(() => setSeconds((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, [report]);
  return seconds;
}
