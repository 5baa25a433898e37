import { GitService } from '@boxyard/channel-a';
import {
  GitDiffRequest,
  GitDiffResponse,
  GitLogRequest,
  GitLogResponse,
  GitShowRequest,
  GitShowResponse,
  GitStatusRequest,
  GitStatusResponse,
} from '@boxyard/contracts';
import type { ActiveBox } from '@boxyard/sessions';
import type { RouteTable } from '../define-route.ts';
import { withBox } from '../open-box.ts';
import type { ApiServices } from '../services.ts';

const gitOf = (active: ActiveBox) => new GitService({ box: active.box, journal: active.journal });

export function addGitRoutes(routes: RouteTable, services: ApiServices): void {
  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/git/status',
      tag: 'git',
      name: 'status',
      repeatable: 'always',
      summary: 'What differs from the last commit, and from upstream',
      body: GitStatusRequest,
      status: 200,
      answer: GitStatusResponse,
    },
    ({ body }, c) => withBox(c, services, (active) => gitOf(active).status(body)),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/git/diff',
      tag: 'git',
      name: 'diff',
      repeatable: 'always',
      summary: 'A diff in hunks and lines: of the worktree, of what is staged, or between two refs',
      body: GitDiffRequest,
      status: 200,
      answer: GitDiffResponse,
    },
    ({ body }, c) => withBox(c, services, (active) => gitOf(active).diff(body)),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/git/log',
      tag: 'git',
      name: 'log',
      repeatable: 'always',
      summary: 'Commits, newest first',
      body: GitLogRequest,
      status: 200,
      answer: GitLogResponse,
    },
    ({ body }, c) => withBox(c, services, (active) => gitOf(active).log(body)),
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/sessions/:sid/git/show',
      tag: 'git',
      name: 'show',
      repeatable: 'always',
      summary: 'A commit with its diff, or a file as of a commit',
      body: GitShowRequest,
      status: 200,
      answer: GitShowResponse,
    },
    ({ body }, c) => withBox(c, services, (active) => gitOf(active).show(body)),
  );
}
