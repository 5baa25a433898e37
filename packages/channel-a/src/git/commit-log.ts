import type { GitCommit } from '@boxyard/contracts';
import { COMMIT_FIELDS } from './git-script.ts';

/** Reads commits whose fields and ends are NUL, in the order of the format in `git-script.ts`. */
export function parseCommits(output: Buffer): GitCommit[] {
  const fields = output.toString('utf8').split('\0');
  const commits: GitCommit[] = [];
  for (let at = 0; at + COMMIT_FIELDS <= fields.length; at += COMMIT_FIELDS) {
    const [
      sha,
      shortSha,
      parents,
      authorName,
      authorEmail,
      authorTime,
      name,
      email,
      time,
      subject,
      body,
      refs,
    ] = fields.slice(at, at + COMMIT_FIELDS) as string[];
    commits.push({
      sha: sha!,
      shortSha: shortSha!,
      parents: parents === '' ? [] : parents!.split(' '),
      author: { name: authorName!, email: authorEmail!, timestamp: rfc3339(authorTime!) },
      committer: { name: name!, email: email!, timestamp: rfc3339(time!) },
      subject: subject!,
      body: body!.trimEnd(),
      refs: refNames(refs!),
    });
  }
  return commits;
}

/** Where the fields of the first commit end in the output. */
export function endOfFirstCommit(output: Buffer): number {
  let at = 0;
  for (let field = 0; field < COMMIT_FIELDS; field += 1) at = output.indexOf(0, at) + 1;
  return at;
}

/** `HEAD -> main, tag: v1` in single names; a tag keeps its mark. A ref's name holds no space. */
function refNames(decoration: string): string[] {
  return decoration === '' ? [] : decoration.split(', ').flatMap((name) => name.split(' -> '));
}

/** A commit may claim any number of seconds; what no date can hold is the epoch. */
function rfc3339(seconds: string): string {
  const date = new Date(Number(seconds) * 1000);
  return (Number.isNaN(date.getTime()) ? new Date(0) : date).toISOString();
}
