import { setTimeout as sleep } from 'node:timers/promises';
import type { components } from '../api/schema.js';
import { VentralError } from '../errors/ventral-error.js';
import { openHomeStore } from '../store/home-store.js';
import { livingOwner, lockHome, owned } from '../store/owner-lock.js';
import { localPrincipal } from '../store/principal.js';
import { everyPage } from './every-page.js';
import { HttpModels } from './http-models.js';
import { ModelDesk } from './model-desk.js';
import { resource } from './model-routes.js';
import { readCard } from './read-card.js';
import { receiveFile } from './receive-file.js';

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

const PATIENCE_MS = 30_000;

/**
 * Opens the models of a home: through the service that owns it, or, where none runs, as its owner for
 * the moment. Another command's moment is waited for, and so is a service that is starting.
 * Throws `home-owned` where that takes too long.
 */
export async function openModelAccess(home: string, maxMemory: number): Promise<ModelAccess> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const owner = await livingOwner(home);
    if (owner?.url) return new HttpModels(owner.url, owner.token);
    try {
      if (owner?.kind !== 'service') return await ownModels(home, maxMemory, deadline - Date.now());
      if (Date.now() > deadline) throw owned(home, owner);
    } catch (error) {
      // A service may have taken the home in between: then it is asked.
      const taken =
        error instanceof VentralError && error.code === 'home-owned' && Date.now() < deadline;
      if (!taken) throw error;
    }
    await sleep(100);
  }
}

async function ownModels(home: string, maxMemory: number, patience: number): Promise<ModelAccess> {
  const lock = await lockHome(home, { kind: 'command', patience });
  try {
    const store = await openHomeStore(home);
    const desk = new ModelDesk(store, { maxMemory });
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
        const { model, created } = await desk.register(localPrincipal, file, describe);
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
