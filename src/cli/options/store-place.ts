import type { Command } from 'commander';
import { present } from '../../formats/present.js';
import type { StoreOptions } from '../../store/home-store.js';
import { databaseUrl, globalOptions } from './global-options.js';

/** The home of a command, the PostgreSQL of its tables (`DATABASE_URL`) and the bucket of its files (`VENTRAL_S3_BUCKET`). */
export async function storePlace(
  command: Command,
): Promise<{ readonly home: string } & Pick<StoreOptions, 'databaseUrl' | 's3'>> {
  const { home } = globalOptions(command);
  const url = databaseUrl();
  const { s3Place } = await import('../../store/files/s3-files.js');
  const bucket = s3Place(process.env);
  return {
    home,
    ...present({ databaseUrl: url, s3: bucket }),
  };
}
