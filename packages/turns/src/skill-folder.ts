// Skills of this installation: folders with a `SKILL.md`. The model knows their names from the start; what is in one
// comes into the box when it is asked for, so that a turn without a box stays without one.
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { SandboxError } from '@boxyard/sandbox-core';
import type { SkillIndexEntry } from '@openai/agents/sandbox';

export interface SkillFolder {
  /** Absolute, on this machine. */
  readonly path: string;
  readonly index: readonly SkillIndexEntry[];
}

const FRONT_MATTER = /^---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)/;
const UNQUOTED = /^(["'])(.*)\1$/;

/**
 * What is in the folder now. Folders without a `SKILL.md` are no skills; a description is its first lines' say.
 *
 * @throws SandboxError `configuration` when the folder cannot be read.
 */
export async function readSkillFolder(folder: string): Promise<SkillFolder> {
  try {
    const path = await realpath(folder);
    const names = (await readdir(path)).sort();
    const found = await Promise.all(names.map((name) => skillAt(path, name)));
    return { path, index: found.filter((skill) => skill !== null) };
  } catch (cause) {
    throw new SandboxError(
      'configuration',
      `The skills cannot be read from ${folder}. Make the folder, or set no folder of skills.`,
      { cause, started: 'no', stage: 'turn' },
    );
  }
}

async function skillAt(folder: string, name: string): Promise<SkillIndexEntry | null> {
  const file = join(folder, name, 'SKILL.md');
  const found = await stat(file).catch(() => null);
  if (found?.isFile() !== true) return null;
  const head = FRONT_MATTER.exec(await readFile(file, 'utf8'))?.[1] ?? '';
  return { name, description: fieldOf(head, 'description') ?? 'No description.', path: name };
}

/** One line of the front matter; more of YAML is not needed for it. */
function fieldOf(head: string, field: string): string | null {
  const line = head.split(/\r?\n/).find((one) => one.startsWith(`${field}:`));
  const value = line?.slice(field.length + 1).trim() ?? '';
  return value === '' ? null : value.replace(UNQUOTED, '$2');
}
