export type { Census, CensusOptions } from './census.ts';
export type { DatabaseActivity, DatabaseAddress, StatementListener } from './connect.ts';
export type {
  EmbeddedPostgres,
  EmbeddedPostgresOptions,
  PostgresConnection,
} from './embedded/embedded-postgres.ts';
export { startEmbeddedPostgres } from './embedded/embedded-postgres.ts';
export { folderSizeBytes } from './folder-size.ts';
export type { OpenStoreOptions, PostgresStore } from './open-store.ts';
export { openStore } from './open-store.ts';
