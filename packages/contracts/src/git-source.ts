import { z } from 'zod';
import { GitRevision } from './git-ref.ts';

// Everything else that git takes for a transport (`ext::`, a plain path, an option) could run programs.
const TRANSPORTS = ['https:', 'http:', 'ssh:', 'git:', 'file:'];
const SCP_STYLE =
  /^[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^\s\x00-\x1f\x7f:-][^\s\x00-\x1f\x7f]*$/;

function isCloneUrl(text: string): boolean {
  if (/[\s\x00-\x1f\x7f]/.test(text)) return false;
  if (SCP_STYLE.test(text)) return true;
  if (!text.includes('://') || !URL.canParse(text)) return false;
  const url = new URL(text);
  // A user or host that begins with a hyphen reaches ssh as an option.
  return TRANSPORTS.includes(url.protocol) && !url.hostname.startsWith('-') && !url.username.startsWith('-');
}

const hasPassword = (text: string): boolean => URL.canParse(text) && new URL(text).password !== '';
const isHttp = (text: string): boolean => /^https?:/i.test(text);

/** Where to clone from. The address is shown in answers, so it must not hold a secret. */
export const GitUrl = z
  .string()
  .max(2048)
  .refine(isCloneUrl, 'must be an https, http, ssh, git or file URL, or user@host:path')
  .refine((url) => !hasPassword(url), 'must not hold a password: put it into `token`');
export type GitUrl = z.infer<typeof GitUrl>;

const GitToken = z.string().regex(/^[\x21-\x7e]{1,4096}$/, 'must be printable characters without blanks');

/** A repository that is cloned into the workspace on first use. */
export const GitSourceRequest = z
  .strictObject({
    url: GitUrl,
    /** The remote's default branch when absent. */
    ref: GitRevision.optional(),
    /** Write-only; kept in a file of mode 0600 in the box, never in `.git/config`. */
    token: GitToken.optional(),
  })
  .refine((source) => source.token === undefined || isHttp(source.url), {
    path: ['token'],
    message: 'only goes with an http or https URL',
  });
export type GitSourceRequest = z.infer<typeof GitSourceRequest>;

/** The same as it is shown: without the token. */
export const GitSource = z.object({ url: z.string(), ref: z.string().nullable() });
export type GitSource = z.infer<typeof GitSource>;

/** Body of `PUT source-token`: takes the place of the token that the source was given with. */
export const SetSourceTokenRequest = z.strictObject({ token: GitToken });
export type SetSourceTokenRequest = z.infer<typeof SetSourceTokenRequest>;

/** Answer of `PUT source-token`. */
export const SourceTokenPlace = z.object({
  /** Whether the box has it by now; one that is not up gets it when it is opened next. */
  inBox: z.boolean(),
});
export type SourceTokenPlace = z.infer<typeof SourceTokenPlace>;
