import type { Schemas } from '../client/client.js';

/** Whether a job of any kind has not ended yet. */
export const isOpen = ({ state }: Pick<Schemas['Job'], 'state'>): boolean =>
  state === 'queued' || state === 'running';
