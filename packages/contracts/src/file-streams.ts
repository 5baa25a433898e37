import { z } from 'zod';
import { Etag } from './files.ts';
import { Revisioned } from './revision.ts';
import { WorkspacePath } from './workspace-path.ts';

/** Query of `GET` and `PUT fs/content`, whose bodies are the file's bytes as they are. */
export const FsContentQuery = z.strictObject({ path: WorkspacePath });
export type FsContentQuery = z.infer<typeof FsContentQuery>;

/** Answer of `PUT fs/content`, given once the digest was checked and the file is in place. */
export const FsContentResponse = Revisioned.extend({ sizeBytes: z.int().nonnegative(), etag: Etag });
export type FsContentResponse = z.infer<typeof FsContentResponse>;

/** Query of `GET` and `PUT fs/archive`, whose bodies are a tar. */
export const FsArchiveQuery = z.strictObject({ path: WorkspacePath.default('') });
export type FsArchiveQuery = z.infer<typeof FsArchiveQuery>;

/** Answer of `PUT fs/archive`: what was unpacked. */
export const FsArchiveResponse = Revisioned.extend({
  files: z.int().nonnegative(),
  sizeBytes: z.int().nonnegative(),
});
export type FsArchiveResponse = z.infer<typeof FsArchiveResponse>;
