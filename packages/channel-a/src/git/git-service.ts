import type {
  GitDiffFile,
  GitDiffRequest,
  GitDiffResponse,
  GitLogRequest,
  GitLogResponse,
  GitShowRequest,
  GitShowResponse,
  GitStatusRequest,
  GitStatusResponse,
} from '@boxyard/contracts';
import { GitRevision } from '@boxyard/contracts';
import type { Box, CallOptions, ChangeJournal } from '@boxyard/sandbox-core';
import { checkRelativePath, SandboxError } from '@boxyard/sandbox-core';
import { decodeText } from '../files/text-content.ts';
import { endOfFirstCommit, parseCommits } from './commit-log.ts';
import { type GitOutput, runGit } from './git-run.ts';
import {
  DIFF_SCRIPT,
  LOG_SCRIPT,
  SHOW_COMMIT_SCRIPT,
  SHOW_FILE_SCRIPT,
  STATUS_SCRIPT,
} from './git-script.ts';
import { type ParsedStatus, parseStatus } from './porcelain-status.ts';
import { parseRawChanges } from './raw-changes.ts';
import { readPatchInto } from './unified-patch.ts';

export interface GitServiceOptions {
  readonly box: Box;
  readonly journal: ChangeJournal;
}

const MIB = 1024 * 1024;
/** About 400 000 changed files. */
const MAX_STATUS_BYTES = 64 * MIB;
/** All of a diff; files beyond it are named and counted, with `truncated` and without lines. */
const MAX_DIFF_BYTES = 32 * MIB;
const MAX_LOG_BYTES = 32 * MIB;

const NO_REPOSITORY: ParsedStatus = {
  head: null,
  detached: false,
  upstream: null,
  ahead: 0,
  behind: 0,
  files: [],
};

/**
 * Reads the git repositories of one live box; it changes nothing in them. `path` is any folder inside a
 * repository; paths in answers and pathspecs are relative to that repository's top folder. Nothing that a
 * repository's config names is run.
 */
export class GitService {
  readonly #box: Box;
  readonly #journal: ChangeJournal;

  constructor(options: GitServiceOptions) {
    this.#box = options.box;
    this.#journal = options.journal;
  }

  /** @throws SandboxError `too-large` where the list of changes exceeds 64 MiB. */
  async status(request: GitStatusRequest, options?: CallOptions): Promise<GitStatusResponse> {
    const output = await this.#run('git status', STATUS_SCRIPT, request.path, [], MAX_STATUS_BYTES, options);
    if (output?.cut) {
      throw new SandboxError(
        'too-large',
        'git status: there are more changes than an answer may hold. Ignore what is generated with .gitignore.',
      );
    }
    const revision = await this.#journal.revision();
    if (output === null) return { isRepo: false, ...NO_REPOSITORY, revision };
    return { isRepo: true, ...parseStatus(output.bytes.toString('utf8')), revision };
  }

  /**
   * With `fromRef` alone the worktree is compared with it; with `toRef` alone it is compared with HEAD.
   *
   * @throws SandboxError `invalid` for a malformed revision or path and outside of a repository, `not-found`
   * for a revision that is not there.
   */
  async diff(request: GitDiffRequest, options?: CallOptions): Promise<GitDiffResponse> {
    const refs = request.fromRef !== undefined || request.toRef !== undefined;
    const parameters = [
      String(request.contextLines),
      refs ? 'refs' : request.staged ? 'staged' : 'worktree',
      refs ? checkRevision(request.fromRef ?? 'HEAD') : '',
      request.toRef === undefined ? '' : checkRevision(request.toRef),
      ...literalPathspecs(request.pathspec),
    ];
    const output = await this.#run(
      'git diff',
      DIFF_SCRIPT,
      request.path,
      parameters,
      MAX_DIFF_BYTES,
      options,
    );
    const files = readDiff(inRepository('git diff', output), request.maxBytesPerFile);
    return { files, revision: await this.#journal.revision() };
  }

  /** A branch without a commit has an empty log. @throws as `diff` does. */
  async log(request: GitLogRequest, options?: CallOptions): Promise<GitLogResponse> {
    const parameters = [
      checkRevision(request.ref),
      // One more than asked tells whether there are more.
      String(request.maxCount + 1),
      String(request.skip),
      ...literalPathspecs(request.pathspec),
    ];
    const output = await this.#run('git log', LOG_SCRIPT, request.path, parameters, MAX_LOG_BYTES, options);
    const { bytes, cut } = inRepository('git log', output);
    const commits = parseCommits(bytes);
    return { commits: commits.slice(0, request.maxCount), hasMore: cut || commits.length > request.maxCount };
  }

  /** @throws as `diff` does; also `not-found` for a file that the revision does not have. */
  async show(request: GitShowRequest, options?: CallOptions): Promise<GitShowResponse> {
    const ref = checkRevision(request.ref);
    if (request.filePath !== undefined) return this.#showFile(request, ref, request.filePath, options);
    const output = await this.#run(
      'git show',
      SHOW_COMMIT_SCRIPT,
      request.path,
      [ref],
      MAX_DIFF_BYTES,
      options,
    );
    const { bytes, cut } = inRepository('git show', output);
    const diff = { bytes: bytes.subarray(endOfFirstCommit(bytes)), cut };
    return {
      commit: parseCommits(bytes.subarray(0, bytes.length - diff.bytes.length))[0] ?? null,
      files: readDiff(diff, request.maxBytesPerFile),
      blob: null,
      revision: await this.#journal.revision(),
    };
  }

  async #showFile(
    request: GitShowRequest,
    ref: string,
    filePath: string,
    options: CallOptions | undefined,
  ): Promise<GitShowResponse> {
    const max = request.maxBytesPerFile;
    const parameters = [ref, checkRelativePath(filePath), String(max)];
    // The line with the size stands in front of the content.
    const output = await this.#run('git show', SHOW_FILE_SCRIPT, request.path, parameters, max + 64, options);
    const { bytes } = inRepository('git show', output);
    const lineEnd = bytes.indexOf('\n');
    const sizeBytes = Number(bytes.toString('latin1', 0, lineEnd));
    const whole = bytes.subarray(lineEnd + 1);
    if (lineEnd < 0 || !Number.isSafeInteger(sizeBytes) || whole.length < Math.min(sizeBytes, max)) {
      throw new SandboxError('outcome-unknown', 'git show: the file came in part only. Try again.', {
        retryable: true,
      });
    }
    const blob = decodeText(whole.subarray(0, max), request.encoding, { atEnd: sizeBytes <= max });
    return {
      commit: null,
      files: [],
      blob: {
        content: blob.content,
        encoding: blob.encoding,
        sizeBytes,
        truncated: blob.sizeBytes < sizeBytes,
      },
      revision: await this.#journal.revision(),
    };
  }

  #run(
    what: string,
    script: string,
    path: string,
    parameters: readonly string[],
    maxOutputBytes: number,
    options: CallOptions | undefined,
  ): Promise<GitOutput | null> {
    const request = { what, script, path: checkRelativePath(path), parameters, maxOutputBytes };
    return runGit(this.#box, request, options);
  }
}

function inRepository(what: string, output: GitOutput | null): GitOutput {
  if (output !== null) return output;
  throw new SandboxError(
    'invalid',
    `${what}: there is no git repository at this path. Name a folder of one, or run git init.`,
    { started: 'no' },
  );
}

function readDiff(output: GitOutput, maxBytesPerFile: number): GitDiffFile[] {
  const { files, patchAt } = parseRawChanges(output.bytes);
  readPatchInto(files, output.bytes.subarray(patchAt), { maxBytesPerFile, cut: output.cut });
  return joinConflicts(files);
}

/** A conflict is listed twice, as unmerged and with its change against our side: one file for the reader. */
function joinConflicts(files: readonly GitDiffFile[]): GitDiffFile[] {
  const joined: GitDiffFile[] = [];
  for (const file of files) {
    const last = joined.at(-1);
    if (last?.status === 'U' && last.path === file.path) joined[joined.length - 1] = { ...file, status: 'U' };
    else joined.push(file);
  }
  return joined;
}

function checkRevision(ref: string): string {
  const checked = GitRevision.safeParse(ref);
  if (checked.success) return checked.data;
  throw new SandboxError(
    'invalid',
    `The revision ${JSON.stringify(ref.slice(0, 80))} is refused: it ${checked.error.issues[0]?.message}.`,
    { started: 'no' },
  );
}

/** Names are names: no pattern and no magic of git's works in them. */
const literalPathspecs = (paths: readonly string[]): string[] =>
  paths.map((path) => `:(top,literal)${checkRelativePath(path)}`);
