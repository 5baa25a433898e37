// A box around a folder that is somebody's own: a machine that serves it to others. Nothing here makes the folder, and
// nothing ever removes it.
import { createHash } from 'node:crypto';
import { mkdir, realpath, stat } from 'node:fs/promises';
import type { Box } from '@boxyard/sandbox-core';
import { SandboxError } from '@boxyard/sandbox-core';
import { sandboxErrorFromFs } from '@boxyard/sandbox-core/jailed-folder';
import { LocalBox, openRunner } from './local-box.ts';

export interface FolderBoxOptions {
  /** Absolute path of the folder; it must be there. */
  readonly workspace: string;
  /** Absolute path of a folder of our own, where output of commands waits to be read. Made when it is missing. */
  readonly stateDir: string;
  /** Seen by every command, beside what the machine needs. */
  readonly environment: Readonly<Record<string, string>>;
  /** Stands before every program that is started: it sets something and becomes that program. */
  readonly launcher?: readonly string[] | undefined;
}

/** @throws SandboxError `not-found` when there is no such folder. */
export async function openFolderBox(options: FolderBoxOptions): Promise<Box> {
  const { environment, launcher } = options;
  const what = `Opening ${options.workspace} as a box`;
  try {
    const workspace = await realpath(options.workspace);
    if (!(await stat(workspace)).isDirectory()) {
      throw new SandboxError('invalid', `${options.workspace} is no folder. Name one that is.`, {
        started: 'no',
      });
    }
    await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
    const folder = await realpath(options.stateDir);
    const spool = `${folder}/spool`;
    await mkdir(spool, { recursive: true, mode: 0o700 });
    const mark = createHash('sha256').update(folder).digest('hex').slice(0, 32);
    const boxOptions = {
      ref: { provider: 'local', instance: mark, resume: {} },
      place: { group: mark, folder, workspace, spool, mark },
      epoch: 1,
      environment,
      launcher,
    };
    const runner = openRunner(boxOptions);
    try {
      return new LocalBox(boxOptions, runner, await runner.probe());
    } catch (error) {
      await runner.close();
      throw error;
    }
  } catch (error) {
    throw SandboxError.isInstance(error) ? error : sandboxErrorFromFs(error, what);
  }
}
