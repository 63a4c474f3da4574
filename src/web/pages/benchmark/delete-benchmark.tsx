import { useLocation } from 'preact-iso';
import { answer, client } from '../../client/client.js';
import { mayChange, useSession } from '../../client/session.js';
import { ConfirmedButton } from '../../parts/confirmed-button.js';

/** Removes an uploaded benchmark, for those who may. */
export function DeleteBenchmark({ id, owner }: { readonly id: string; readonly owner: string }) {
  const { caller } = useSession();
  const { route } = useLocation();
  if (!mayChange(caller, owner)) return null;
  const remove = async () => {
    await answer(client.DELETE('/benchmarks/{benchmark}', { params: { path: { benchmark: id } } }));
    route('/benchmarks');
  };
  return (
    <section>
      <h2>Delete</h2>
      <p>This deletes its files. Existing scores and layer maps are kept.</p>
      <ConfirmedButton label="Delete this benchmark" sure="Yes, delete it" act={remove} />
    </section>
  );
}
