import { ProblemError } from '../client/client.js';

/** Why something did not work, in the service's words, with the places of the request that it names. */
export function Problem({ error }: { readonly error: Error }) {
  const problem = error instanceof ProblemError ? error.problem : undefined;
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{problem?.title ?? 'Request failed'}</strong>
      </p>
      <p>{error.message}</p>
      {problem?.errors && problem.errors.length > 0 && (
        <ul>
          {problem.errors.map(({ pointer, detail }) => (
            <li key={pointer + detail}>
              <code>{pointer}</code>: {detail}
            </li>
          ))}
        </ul>
      )}
      {problem?.requestId && <p class="quiet">Request {problem.requestId}</p>}
    </div>
  );
}
