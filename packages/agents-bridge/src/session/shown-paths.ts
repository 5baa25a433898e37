import { AgentsSessionError } from '../session-error.ts';

/**
 * The paths of tools. The SDK refuses a session whose root changes, so it sees one root for life: that of the
 * first box. What lies below it, or below the root that the present box really has, is the workspace.
 */
export class ShownPaths {
  readonly root: string;

  constructor(root: string) {
    if (!root.startsWith('/') || root.includes('\0') || root.split('/').includes('..')) {
      throw new AgentsSessionError(
        'configuration_error',
        `The root ${JSON.stringify(root)} is refused: give the absolute path of the workspace in its box.`,
      );
    }
    this.root = normalize(root);
  }

  /**
   * Relative to the workspace, as `BoxFiles` and `cwd` take it.
   *
   * @throws AgentsSessionError `invalid_manifest_path` for what leads out by its text.
   */
  relative(path: string | undefined, realRoot: string): string {
    const text = (path ?? '').trim();
    if (text.includes('\\')) throw refused(path, 'must use "/" separators');
    if (text.includes('\0')) throw refused(path, 'holds NUL');
    if (!text.startsWith('/')) {
      const joined = normalize(`/${text}`, () => refused(path, 'must not escape root'));
      return joined.slice(1);
    }
    const absolute = normalize(text, () => refused(path, 'escapes the workspace root'));
    // The longer one first: the roots of two boxes may lie in each other.
    const roots = [this.root, normalize(realRoot)].sort((left, right) => right.length - left.length);
    for (const root of roots) {
      if (absolute === root) return '';
      const prefix = root === '/' ? '/' : `${root}/`;
      if (absolute.startsWith(prefix)) return absolute.slice(prefix.length);
    }
    throw refused(path, `escapes the workspace root ${this.root}`);
  }
}

function refused(path: string | undefined, why: string): AgentsSessionError {
  return new AgentsSessionError(
    'invalid_manifest_path',
    `Sandbox path ${JSON.stringify(path ?? '')} ${why}. Give a path below the workspace root.`,
  );
}

/** An absolute path without empty, `.` and `..` names; above `/` there is nothing, which `above` may refuse. */
function normalize(path: string, above?: () => Error): string {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue;
    if (name !== '..') names.push(name);
    else if (names.pop() === undefined && above !== undefined) throw above();
  }
  return `/${names.join('/')}`;
}
