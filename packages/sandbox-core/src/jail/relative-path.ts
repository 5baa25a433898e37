import { SandboxError } from '../sandbox-error.ts';

// PATH_MAX and NAME_MAX of Linux: what is longer fails there anyway, only later and with less to say.
const MAX_PATH_BYTES = 4096;
const MAX_NAME_BYTES = 255;

/**
 * Judges a path by its text alone and answers it in its one form: names joined by `/`, without empty and `.`
 * ones; the root is the empty string. Where the path really leads is for `JailedFolder` to say.
 *
 * @throws SandboxError `invalid` for an absolute path, `..`, NUL, text that is not Unicode, a name over 255
 * bytes or a path over 4096.
 */
export function checkRelativePath(path: string): string {
  const refuse = (why: string): never => {
    const shown = JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
    throw new SandboxError(
      'invalid',
      `The path ${shown} is refused: ${why}. Give a path relative to the workspace root.`,
      { started: 'no' },
    );
  };
  if (typeof path !== 'string') return refuse('it is no text');
  if (path.includes('\0')) refuse('it holds NUL');
  if (path.startsWith('/')) refuse('it is absolute');
  if (/\p{Surrogate}/u.test(path)) refuse('it is not well-formed Unicode');
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) refuse(`it is longer than ${MAX_PATH_BYTES} bytes`);
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  for (const name of names) {
    // Also `a/../b`: what it names depends on whether `a` is a link, so it has no one form.
    if (name === '..') refuse('it holds `..`');
    if (Buffer.byteLength(name) > MAX_NAME_BYTES)
      refuse(`a name in it is longer than ${MAX_NAME_BYTES} bytes`);
  }
  return names.join('/');
}

/** The folder and the name of a checked path; null for the root, which has none. */
export function splitPath(path: string): { readonly folder: string; readonly name: string } | null {
  if (path === '') return null;
  const cut = path.lastIndexOf('/');
  return { folder: path.slice(0, Math.max(cut, 0)), name: path.slice(cut + 1) };
}

/** A checked folder and a name in it as one path. */
export function joinPath(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
