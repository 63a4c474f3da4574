import { useTitle } from '../../parts/title.js';

export function TrainingPage() {
  useTitle('Training');
  return <h1>Training</h1>;
}
