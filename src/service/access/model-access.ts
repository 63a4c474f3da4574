import { present } from '../../formats/present.js';
import { lockHome } from '../../store/home/owner-lock.js';
import { openHomeStore, type StoreOptions } from '../../store/home-store.js';
import { localPrincipal } from '../../store/records/principal.js';
import { readCard } from '../http/read-card.js';
import { FailedWork } from '../queue/failed-work.js';
import { ModelService } from '../registry/model-service.js';
import { registration, resource } from '../routes/model-routes.js';
import { receiveFile } from '../upload/receive-file.js';
import { everyPage } from './every-page.js';
import { throughOwner } from './home-access.js';
import { HttpModels } from './http-models.js';
import type { ModelAccess } from './model-resource.js';

/** No other request waits for the check of a file that a command registers. */
const CHECK_SECONDS = 300;

/** Opens the models of a home, see {@link throughOwner}. */
export const openModelAccess = (
  place: { readonly home: string } & StoreOptions,
  maxMemory: number,
): Promise<ModelAccess> =>
  throughOwner<ModelAccess>(
    place.home,
    (service) => new HttpModels(service),
    (patience) => ownModels(place, maxMemory, patience),
  );

async function ownModels(
  { home, ...options }: { readonly home: string } & StoreOptions,
  maxMemory: number,
  patience: number,
): Promise<ModelAccess> {
  const lock = await lockHome(home, { kind: 'command', patience });
  try {
    const store = await openHomeStore(home, { ...options, guard: lock });
    const models = new ModelService(store, {
      maxMemory,
      check: CHECK_SECONDS,
      failed: new FailedWork(),
    });
    const client = { principal: localPrincipal, signal: new AbortController().signal };
    return {
      list: () =>
        everyPage(async (cursor) => {
          const page = await store.models.list(localPrincipal, {
            limit: 200,
            ...(cursor ? { cursor } : {}),
          });
          return { items: page.items.map(resource), next: page.next };
        }),
      show: async (id) => resource(await models.get(localPrincipal, id)),
      async add({ path, card, name }) {
        const file = await receiveFile(path, store.temporary);
        const describe = () => ({
          ...(card === undefined ? {} : { card: readCard(card) }),
          ...present({ name }),
        });
        const { model, created, warnings } = await models.register(client, file, describe);
        const found = [...warnings, ...(await models.mixed(model))];
        return { model: registration(model, card, found), created };
      },
      remove: (id) => models.remove(localPrincipal, id),
      close: () => store.close().finally(() => lock.release()),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
