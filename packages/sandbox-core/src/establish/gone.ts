// Whether an error proves that the box itself is absent. A wrong "gone" makes a rival of a living box, so what
// is not recognised is not gone. Providers prefer their vendor's typed errors and fall back to this.
import { SandboxError } from '../sandbox-error.ts';

const BOX = '(?:sandbox|devbox|box|container|instance|micro-?vm|vm|machine)';
// Parts of a box, or things beside it, whose absence says nothing about the box.
const OTHER =
  /\b(?:image|app|application|path|file|dir|directory|folder|command|executable|binary|program|process|volume|network|secret|snapshot|checkpoint|template|port|pty|terminal|route|endpoint|user|session|archive|module|key|workspace|project|function|blueprint|type|class|region|runtime|tag)s?\b/;
const ENDED =
  "(?:not found|no longer running|no longer exists|does not exist|doesn't exist|(?:has been|was|is) terminated)";
const NEVER = /\balready (?:running|exists?)\b|\bstill running\b/;

// The box, at most one name for it, then its end: "container abc-1 is no longer running".
const BOX_ENDED = new RegExp(
  `\\b${BOX}\\b(?:\\s+with)?(?:\\s+id)?[\\s:='"\`([]*([\\w.@-]*)['"\`)\\]]*[\\s:,]*(?:(?:is|was|could)\\s+)?${ENDED}`,
);
const NO_SUCH_BOX = new RegExp(
  `\\b(?:no such|not found):?\\s+(?:the\\s+)?${BOX}\\b(?!\\s+\\w*\\s*(?:path|file|image))`,
);

/** What the text of an error says about the box; a status of 404 comes beside it, not in it. */
export function isGoneText(text: string): boolean {
  const lower = text.toLowerCase();
  if (NEVER.test(lower)) return false;
  if (/\bsandbox_not_found\b/.test(lower)) return true;
  const ended = BOX_ENDED.exec(lower);
  if (ended !== null && !OTHER.test(ended[1] ?? '')) return true;
  const without = NO_SUCH_BOX.exec(lower);
  return (
    without !== null &&
    !OTHER.test(lower.slice(without.index + without[0].length, without.index + without[0].length + 12))
  );
}

const field = (value: object, name: string): unknown => (value as Record<string, unknown>)[name];

function statusOf(error: object): unknown {
  const response = field(error, 'response');
  const nested = typeof response === 'object' && response !== null ? field(response, 'status') : undefined;
  return field(error, 'status') ?? field(error, 'statusCode') ?? nested;
}

function judge(error: object): boolean {
  const message = field(error, 'message');
  const code = field(error, 'code');
  const text = `${typeof message === 'string' ? message : ''} ${typeof code === 'string' ? code : ''}`;
  if (isGoneText(text)) return true;
  const lower = text.toLowerCase();
  return Number(statusOf(error)) === 404 && !OTHER.test(lower) && !NEVER.test(lower);
}

// Wrapped errors are followed this far; a cycle of causes ends here too.
const MAX_CAUSES = 5;

/**
 * Whether this error of a backend proves that the box itself is absent: status 404, or a text that says so of
 * the box and not of an image, a path or a command. Never for a machine that its owner runs: it is only away.
 */
export function isGoneError(backend: string, error: unknown): boolean {
  if (backend === 'selfhosted') return false;
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES; depth += 1) {
    // Our own family has said it already; the texts of its other codes speak of files and commands.
    if (SandboxError.isInstance(current)) return current.code === 'gone';
    if (typeof current === 'string') return isGoneText(current);
    if (typeof current !== 'object' || current === null) return false;
    if (judge(current)) return true;
    current = field(current, 'cause');
  }
  return false;
}
