import { useTitle } from '../../parts/title.js';

export function SubmitPage() {
  useTitle('Submit');
  return <h1>Submit</h1>;
}
