import type { components } from '../../api/schema.js';
import { openHomeStore, type StoreOptions } from '../../store/home-store.js';
import { lockHome } from '../../store/home/owner-lock.js';
import { localPrincipal } from '../../store/records/principal.js';
import { everyPage } from './every-page.js';
import { FailedWork } from '../queue/failed-work.js';
import { throughOwner } from './home-access.js';
import { HttpModels } from './http-models.js';
import { ModelDesk } from '../registry/model-desk.js';
import { resource } from '../routes/model-routes.js';
import { readCard } from '../http/read-card.js';
import { receiveFile } from '../http/receive-file.js';

/** A registered model as HTTP shows it. */
export type ModelResource = components['schemas']['Model'];

/** A file to register. */
export interface ModelAddition {
  readonly path: string;
  /** Text of its card. */
  readonly card?: string;
  readonly name?: string;
}

/** The registered models of a home, whoever owns it. */
export interface ModelAccess {
  list(): Promise<ModelResource[]>;
  show(idOrDigest: string): Promise<ModelResource>;
  add(addition: ModelAddition): Promise<{ model: ModelResource; created: boolean }>;
  remove(idOrDigest: string): Promise<void>;
  /** Gives the home back where it was taken. */
  close(): Promise<void>;
}

/** Nobody else waits for the check of a file that a command registers. */
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
    const desk = new ModelDesk(store, {
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
      show: async (id) => resource(await desk.get(localPrincipal, id)),
      async add({ path, card, name }) {
        const file = await receiveFile(path, store.temporary);
        const describe = () => ({
          ...(card === undefined ? {} : { card: readCard(card) }),
          ...(name === undefined ? {} : { name }),
        });
        const { model, created } = await desk.register(client, file, describe);
        return { model: resource(model), created };
      },
      remove: (id) => desk.remove(localPrincipal, id),
      close: () => store.close().finally(() => lock.release()),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
