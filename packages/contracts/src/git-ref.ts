import { z } from 'zod';

// What git refuses in a name, or would take for something else: an option, a range, a path in a tree, a glob.
const REFUSED = /^-|\.\.|[\x00-\x20\x7f:?*[\\]/;

/** A revision such as `HEAD`, `main~2` or a commit's sha: never an option, a range or a path in a tree. */
export const GitRevision = z
  .string()
  .min(1)
  .max(255)
  .refine(
    (ref) => !REFUSED.test(ref),
    'must be one revision: a branch, tag, sha, or one of these with ~ or ^',
  );
export type GitRevision = z.infer<typeof GitRevision>;
