// What `apply_patch` does to files. The SDK keeps the first editor it gets, so this one asks for the box every time.
import { type Bytes, SandboxError } from '@boxyard/sandbox-core';
import type { ApplyPatchResult, Editor } from '@openai/agents-core';
import { applyDiff } from '../sdk-values.ts';
import { AgentsSessionError, sessionErrorFrom } from '../session-error.ts';
import type { Place } from './workspace-reader.ts';

/** Somebody else wrote the file between our reading and our writing: the patch is tried on what is there now. */
const MOST_TRIES = 3;

export function delegatingEditor(placeOf: (path: string) => Promise<Place>): Editor {
  return {
    async createFile({ path, diff }): Promise<ApplyPatchResult> {
      const place = await placeOf(path);
      const content = new TextEncoder().encode(createdText(diff));
      await editing(() =>
        place.box.files.write(place.path, content, { ...place.call, ifAbsent: true, createParents: true }),
      );
      return {};
    },

    async updateFile({ path, diff, moveTo }): Promise<ApplyPatchResult> {
      const place = await placeOf(path);
      const target = moveTo === undefined ? null : await placeOf(moveTo);
      if (target === null || target.path === place.path) await editing(() => updateInPlace(place, diff));
      else await editing(() => updateAndMove(place, target, diff));
      return {};
    },

    async deleteFile({ path }): Promise<ApplyPatchResult> {
      const place = await placeOf(path);
      await editing(async () => {
        const entry = await place.box.files.stat(place.path, place.call);
        if (entry === null) throw nothingAt(path);
        if (entry.kind === 'dir') {
          throw new AgentsSessionError('EISDIR', `Deleting ${path} is refused: it is a directory.`);
        }
        await place.box.files.remove(place.path, place.call);
      });
      return {};
    },
  };
}

/** The SDK drops the final newline of a created file even where the diff has one. */
export function createdText(diff: string): string {
  const text = applyDiff('', diff, 'create');
  return text !== '' && diff.endsWith('\n') && !text.endsWith('\n') ? `${text}\n` : text;
}

async function updateInPlace(place: Place, diff: string): Promise<void> {
  const { box, path, call } = place;
  for (let attempt = 1; ; attempt++) {
    const { text, version } = await readText(place);
    const content = new TextEncoder().encode(applyDiff(text, diff));
    try {
      await box.files.write(path, content, { ...call, ifVersion: version });
      return;
    } catch (error) {
      if (!SandboxError.hasCode(error, 'precondition-failed') || attempt === MOST_TRIES) throw error;
    }
  }
}

async function updateAndMove(place: Place, target: Place, diff: string): Promise<void> {
  const { text } = await readText(place);
  const mode = (await place.box.files.stat(place.path, place.call))?.mode;
  const content = new TextEncoder().encode(applyDiff(text, diff));
  await target.box.files.write(target.path, content, { ...target.call, mode, createParents: true });
  // Last: until then nothing is lost.
  await place.box.files.remove(place.path, place.call);
}

async function readText({
  box,
  path,
  call,
}: Place): Promise<{ readonly text: string; readonly version: string }> {
  const version = await box.files.version(path, call);
  if (version === null) throw nothingAt(path);
  const bytes: Bytes = await box.files.read(path, call);
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), version };
  } catch (cause) {
    throw new AgentsSessionError('EINVAL', `Patching ${path} is refused: it is no UTF-8 text.`, { cause });
  }
}

async function editing(edit: () => Promise<unknown>): Promise<void> {
  try {
    await edit();
  } catch (error) {
    throw sessionErrorFrom(error, { invalid: 'EISDIR' });
  }
}

function nothingAt(path: string): AgentsSessionError {
  return new AgentsSessionError('ENOENT', `There is no file ${path}. Look for it first, or create it.`);
}
