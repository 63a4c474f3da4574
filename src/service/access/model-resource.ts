import type { components } from '../../api/schema.js';

/** A registered model as HTTP shows it. */
export type ModelResource = components['schemas']['Model'];

/** A file to register. */
export interface ModelAddition {
  readonly path: string;
  /** Its bytes, where they are not those of the file: of a network that is built, or has its weights beside it. */
  readonly bytes?: Uint8Array;
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
  /** Releases the home if it was claimed. */
  close(): Promise<void>;
}
