import { z } from 'zod';
import { ContentEncoding } from './content-encoding.ts';
import { Id } from './identifiers.ts';
import { Revisioned } from './revision.ts';
import { Timestamp } from './timestamp.ts';
import { WorkspacePath } from './workspace-path.ts';

const MIB = 1024 * 1024;

/** `sha256-<hex>` up to 8 MiB, `st-<mtimeNs>-<size>-<inode>` above. */
export const Etag = z
  .string()
  .regex(/^(?:sha256-[0-9a-f]{64}|st-[0-9]+-[0-9]+-[0-9]+)$/, 'is no etag of ours');
export type Etag = z.infer<typeof Etag>;

/** One name in the workspace. A link is described, never followed. */
export const FsEntry = z.object({
  name: z.string(),
  path: WorkspacePath,
  kind: z.enum(['file', 'dir', 'symlink', 'other']),
  sizeBytes: z.int().nonnegative(),
  /** Permission bits only. */
  mode: z.int().min(0).max(0o7777),
  modifiedAt: Timestamp,
  /** Where a link says it leads. */
  target: z.string().optional(),
});
export type FsEntry = z.infer<typeof FsEntry>;

/** An entry with what is below it. */
export interface FsTreeNode extends FsEntry {
  /** Directories first, then by name. Null: a directory that was not listed. */
  children?: FsTreeNode[] | null | undefined;
  /** True when some children are left out. */
  truncated?: boolean | undefined;
}
export const FsTreeNode: z.ZodType<FsTreeNode> = FsEntry.extend({
  get children() {
    return z.array(FsTreeNode).nullable().optional();
  },
  truncated: z.boolean().optional(),
});

/** Body of `fs/list`. `depth` 0 is the entry alone. */
export const FsListRequest = z.strictObject({
  path: WorkspacePath.default(''),
  depth: z.int().min(0).max(8).default(1),
  maxEntries: z.int().min(1).max(20_000).default(2000),
  includeHidden: z.boolean().default(true),
});
export type FsListRequest = z.infer<typeof FsListRequest>;

/** Answer of `fs/list`; `truncated` when `maxEntries` left something out. */
export const FsListResponse = Revisioned.extend({ root: FsTreeNode, truncated: z.boolean() });
export type FsListResponse = z.infer<typeof FsListResponse>;

/** Body of `fs/read`: at most `maxBytes` from `offset` on. */
export const FsReadRequest = z.strictObject({
  path: WorkspacePath,
  encoding: ContentEncoding.default('utf8'),
  maxBytes: z
    .int()
    .min(1)
    .max(25 * MIB)
    .default(5 * MIB),
  offset: z.int().nonnegative().default(0),
});
export type FsReadRequest = z.infer<typeof FsReadRequest>;

/** Answer of `fs/read`. */
export const FsReadResponse = Revisioned.extend({
  path: WorkspacePath,
  /** `base64` also where `utf8` was asked and the content is binary. */
  encoding: ContentEncoding,
  content: z.string(),
  /** Of what is in `content`. */
  sizeBytes: z.int().nonnegative(),
  /** Of the whole file. */
  totalBytes: z.int().nonnegative(),
  truncated: z.boolean(),
  isBinary: z.boolean(),
  etag: Etag,
});
export type FsReadResponse = z.infer<typeof FsReadResponse>;

/** Body of `fs/write`. Without `overwrite` an existing file is a conflict. */
export const FsWriteRequest = z.strictObject({
  path: WorkspacePath,
  encoding: ContentEncoding.default('utf8'),
  content: z.string(),
  overwrite: z.boolean().default(true),
  createParents: z.boolean().default(true),
  /** Refused with `precondition-failed` unless the file is still this one. */
  ifMatch: Etag.optional(),
});
export type FsWriteRequest = z.infer<typeof FsWriteRequest>;

/** Answer of `fs/write`. */
export const FsWriteResponse = Revisioned.extend({
  path: WorkspacePath,
  sizeBytes: z.int().nonnegative(),
  etag: Etag,
});
export type FsWriteResponse = z.infer<typeof FsWriteResponse>;

/** Body of `fs/delete`. A directory with content needs `recursive`. */
export const FsDeleteRequest = z.strictObject({ path: WorkspacePath, recursive: z.boolean().default(false) });
export type FsDeleteRequest = z.infer<typeof FsDeleteRequest>;

/** Answer of `fs/delete`. */
export const FsDeleteResponse = Revisioned;
export type FsDeleteResponse = z.infer<typeof FsDeleteResponse>;

/** Body of `fs/move`. */
export const FsMoveRequest = z.strictObject({
  path: WorkspacePath,
  newPath: WorkspacePath,
  overwrite: z.boolean().default(false),
  createParents: z.boolean().default(true),
});
export type FsMoveRequest = z.infer<typeof FsMoveRequest>;

/** Answer of `fs/move`. */
export const FsMoveResponse = Revisioned.extend({ path: WorkspacePath, newPath: WorkspacePath });
export type FsMoveResponse = z.infer<typeof FsMoveResponse>;

/** Body of `fs/mkdir`. With `recursive` parents are made and an existing directory is fine. */
export const FsMkdirRequest = z.strictObject({ path: WorkspacePath, recursive: z.boolean().default(true) });
export type FsMkdirRequest = z.infer<typeof FsMkdirRequest>;

/** Answer of `fs/mkdir`. */
export const FsMkdirResponse = Revisioned.extend({ path: WorkspacePath });
export type FsMkdirResponse = z.infer<typeof FsMkdirResponse>;

/** Body of `fs/stat`, whose answer is an `FsStatResponse` or 404. */
export const FsStatRequest = z.strictObject({ path: WorkspacePath });
export type FsStatRequest = z.infer<typeof FsStatRequest>;

/** Answer of `fs/stat`: the entry, and the box that it is in. */
export const FsStatResponse = FsEntry.extend({ sandboxGroupId: Id.optional() });
export type FsStatResponse = z.infer<typeof FsStatResponse>;

/** Body of `fs/watch`, whose answer is a stream of `FsWatchEvent`. */
export const FsWatchRequest = z.strictObject({
  path: WorkspacePath.default(''),
  recursive: z.boolean().default(true),
});
export type FsWatchRequest = z.infer<typeof FsWatchRequest>;

/** One message of `fs/watch`. After `resync`, which has an empty path, everything must be read anew. */
export const FsWatchEvent = z.object({
  kind: z.enum(['created', 'modified', 'deleted', 'resync']),
  path: WorkspacePath,
  isDir: z.boolean(),
});
export type FsWatchEvent = z.infer<typeof FsWatchEvent>;
