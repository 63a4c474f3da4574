import { useTitle } from '../../parts/title.js';

export function TrainingsPage() {
  useTitle('Trainings');
  return <h1>Trainings</h1>;
}
