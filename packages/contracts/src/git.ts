import { z } from 'zod';
import { ContentEncoding } from './content-encoding.ts';
import { GitRevision } from './git-ref.ts';
import { Id } from './identifiers.ts';
import { Revisioned } from './revision.ts';
import { Timestamp } from './timestamp.ts';
import { WorkspacePath } from './workspace-path.ts';

const KIB = 1024;

const maxBytesPerFile = z
  .int()
  .min(1)
  .max(2048 * KIB)
  .default(512 * KIB);
const pathspec = z.array(WorkspacePath.min(1)).max(1000).default([]);
const count = z.int().nonnegative();

/** A porcelain letter; `.` is unchanged. */
export const GitStatusCode = z.enum(['.', 'M', 'T', 'A', 'D', 'R', 'C', 'U', '?', '!']);
export type GitStatusCode = z.infer<typeof GitStatusCode>;

/** Body of `git/status`; `path` is any folder of the repository. */
export const GitStatusRequest = z.strictObject({ path: WorkspacePath.default('') });
export type GitStatusRequest = z.infer<typeof GitStatusRequest>;

/** One file that differs; `oldPath` when it was renamed or copied. */
export const GitStatusFile = z.object({
  path: WorkspacePath,
  oldPath: WorkspacePath.nullable(),
  index: GitStatusCode,
  worktree: GitStatusCode,
  isConflicted: z.boolean(),
});
export type GitStatusFile = z.infer<typeof GitStatusFile>;

/** Answer of `git/status`. */
export const GitStatusResponse = Revisioned.extend({
  isRepo: z.boolean(),
  /** The branch's name, the commit's sha when detached, null where there is no repository. */
  head: z.string().nullable(),
  detached: z.boolean(),
  upstream: z.string().nullable(),
  ahead: count,
  behind: count,
  files: z.array(GitStatusFile),
});
export type GitStatusResponse = z.infer<typeof GitStatusResponse>;

/** `fromRef` and `toRef` win over `staged`, which wins over the worktree. */
export const GitDiffRequest = z.strictObject({
  path: WorkspacePath.default(''),
  staged: z.boolean().default(false),
  fromRef: GitRevision.optional(),
  toRef: GitRevision.optional(),
  pathspec,
  contextLines: z.int().min(0).max(10).default(3),
  maxBytesPerFile,
});
export type GitDiffRequest = z.infer<typeof GitDiffRequest>;

/** One line of a hunk; a number is null on the side where the line does not stand. */
export const GitDiffLine = z.object({
  type: z.enum(['context', 'add', 'del', 'meta']),
  oldNo: z.int().nullable(),
  newNo: z.int().nullable(),
  text: z.string(),
});
export type GitDiffLine = z.infer<typeof GitDiffLine>;

/** A stretch of changed lines with its context. */
export const GitDiffHunk = z.object({
  oldStart: count,
  oldLines: count,
  newStart: count,
  newLines: count,
  header: z.string(),
  lines: z.array(GitDiffLine),
});
export type GitDiffHunk = z.infer<typeof GitDiffHunk>;

/** The changes of one file; `truncated` when it has more than `maxBytesPerFile`. */
export const GitDiffFile = z.object({
  path: WorkspacePath,
  oldPath: WorkspacePath.nullable(),
  status: GitStatusCode,
  isBinary: z.boolean(),
  isImage: z.boolean(),
  /** 0 for a binary file. */
  additions: count,
  deletions: count,
  hunks: z.array(GitDiffHunk),
  truncated: z.boolean(),
});
export type GitDiffFile = z.infer<typeof GitDiffFile>;

/** Answer of `git/diff`. */
export const GitDiffResponse = Revisioned.extend({ files: z.array(GitDiffFile) });
export type GitDiffResponse = z.infer<typeof GitDiffResponse>;

/** Body of `git/log`, newest first. */
export const GitLogRequest = z.strictObject({
  path: WorkspacePath.default(''),
  ref: GitRevision.default('HEAD'),
  maxCount: z.int().min(1).max(1000).default(100),
  skip: z.int().min(0).max(10_000_000).default(0),
  pathspec,
});
export type GitLogRequest = z.infer<typeof GitLogRequest>;

/** Who wrote or committed, and when. */
export const GitPerson = z.object({ name: z.string(), email: z.string(), timestamp: Timestamp });
export type GitPerson = z.infer<typeof GitPerson>;

/** One commit; `body` is its message without the subject. */
export const GitCommit = z.object({
  sha: z.string(),
  shortSha: z.string(),
  parents: z.array(z.string()),
  author: GitPerson,
  committer: GitPerson,
  subject: z.string(),
  body: z.string(),
  refs: z.array(z.string()),
});
export type GitCommit = z.infer<typeof GitCommit>;

/** Answer of `git/log`. */
export const GitLogResponse = z.object({
  commits: z.array(GitCommit),
  hasMore: z.boolean(),
  sandboxGroupId: Id.optional(),
});
export type GitLogResponse = z.infer<typeof GitLogResponse>;

/** With `filePath` the answer is that file at `ref` as `blob`; without, the commit and its changes. */
export const GitShowRequest = z.strictObject({
  path: WorkspacePath.default(''),
  ref: GitRevision.default('HEAD'),
  filePath: WorkspacePath.min(1).optional(),
  encoding: ContentEncoding.default('utf8'),
  maxBytesPerFile,
});
export type GitShowRequest = z.infer<typeof GitShowRequest>;

/** A file's content at one commit. */
export const GitBlob = z.object({
  content: z.string(),
  encoding: ContentEncoding,
  /** Of the whole file. */
  sizeBytes: count,
  truncated: z.boolean(),
});
export type GitBlob = z.infer<typeof GitBlob>;

/** Answer of `git/show`. */
export const GitShowResponse = Revisioned.extend({
  commit: GitCommit.nullable(),
  files: z.array(GitDiffFile),
  blob: GitBlob.nullable(),
});
export type GitShowResponse = z.infer<typeof GitShowResponse>;
