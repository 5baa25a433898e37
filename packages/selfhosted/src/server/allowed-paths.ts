// Where a path of the wire leads: empty is the workspace, relative below it, absolute in the one root that holds it.

import { ErrorCode } from '@boxyard/agent-proto/messages';
import { type Box, type BoxFiles, checkRelativePath } from '@boxyard/sandbox-core';
import { WireRefusal } from '../machine-failure.ts';
import type { AllowedRoot } from './policy.ts';

export interface PlacedPath {
  readonly files: BoxFiles;
  /** Relative to the root of `files`. */
  readonly path: string;
  /** Of that root; empty for the workspace. */
  readonly root: string;
}

export class AllowedPaths {
  readonly #box: Box;
  readonly #roots: readonly AllowedRoot[];

  constructor(box: Box, roots: readonly AllowedRoot[]) {
    this.#box = box;
    // The narrowest root that holds a path is the one that counts.
    this.#roots = [...roots].sort((one, other) => other.path.length - one.path.length);
  }

  get roots(): readonly string[] {
    return this.#roots.map(({ path }) => path);
  }

  /** @throws WireRefusal CONSENT_REQUIRED for an absolute path in no root. SandboxError `invalid` for `..`. */
  place(path: string): PlacedPath {
    if (!path.startsWith('/')) return { files: this.#box.files, path: checkRelativePath(path), root: '' };
    // Judged by its text here, by where it leads in the files of its root.
    const absolute = `/${checkRelativePath(path.replace(/^\/+/, ''))}`;
    const inWorkspace = below(this.#box.workspaceRoot, absolute);
    if (inWorkspace !== null) return { files: this.#box.files, path: inWorkspace, root: '' };
    for (const { path: root, files } of this.#roots) {
      const relative = below(root, absolute);
      if (relative !== null) return { files, path: relative, root };
    }
    throw new WireRefusal(
      ErrorCode.CONSENT_REQUIRED,
      `${JSON.stringify(path)} is in no folder that the owner of the machine has allowed.`,
    );
  }

  /** A folder to run in, relative to the workspace: nothing else has a box around it. */
  cwd(path: string): string {
    const placed = this.place(path);
    if (placed.root === '') return placed.path;
    throw new WireRefusal(
      ErrorCode.CONSENT_REQUIRED,
      `Commands run below the workspace, and ${JSON.stringify(path)} is beside it.`,
    );
  }
}

/** Both are absolute and in their one form. Null when it lies elsewhere. */
function below(root: string, path: string): string | null {
  const base = root.replace(/\/+$/, '');
  if (path === (base || '/')) return '';
  return path.startsWith(`${base}/`) ? path.slice(base.length + 1) : null;
}
