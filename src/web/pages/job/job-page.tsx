import { useTitle } from '../../parts/title.js';

export function JobPage() {
  useTitle('Job');
  return <h1>Job</h1>;
}
