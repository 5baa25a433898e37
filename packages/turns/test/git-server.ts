/** A repository over HTTP for who shows the right token: git's own server behind a check that a test can change. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

const run = promisify(execFile);

export interface GitServer {
  readonly url: string;
  /** The one that is let in from now on. */
  accept(token: string): void;
  /** Subjects of the commits of the main branch, the newest first. */
  subjects(): Promise<readonly string[]>;
}

export async function startGitServer(token: string): Promise<GitServer> {
  const root = await mkdtemp(join(tmpdir(), 'boxyard-git-'));
  onTestFinished(() => rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 }));
  const repository = join(root, 'repo.git');
  const git = (...words: string[]) => run('git', ['-C', repository, ...words]);
  await run('git', ['init', '-q', '--bare', '-b', 'main', repository]);
  await git('config', 'http.receivepack', 'true');
  const tree = (await git('hash-object', '-t', 'tree', '-w', '/dev/null')).stdout.trim();
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@t'];
  const first = (await git(...identity, 'commit-tree', tree, '-m', 'first')).stdout.trim();
  await git('update-ref', 'refs/heads/main', first);

  let wanted = '';
  const accept = (next: string) => {
    wanted = `Basic ${Buffer.from(`x-access-token:${next}`).toString('base64')}`;
  };
  accept(token);
  const server = createServer((request, response) => {
    if (request.headers.authorization === wanted) return serve(root, request, response);
    response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/repo.git`,
    accept,
    subjects: async () => (await git('log', '--format=%s', 'main')).stdout.trim().split('\n'),
  };
}

/** CGI, as `git http-backend` speaks it. */
function serve(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://x');
  const backend = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'],
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
      REMOTE_USER: 'x-access-token',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(backend.stdin);
  backend.stdin.on('error', () => undefined);
  const chunks: Buffer[] = [];
  backend.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  backend.on('close', () => {
    const answer = Buffer.concat(chunks);
    const end = answer.indexOf('\r\n\r\n');
    const fields = answer
      .subarray(0, end)
      .toString()
      .split('\r\n')
      .map((line) => line.split(/: ?/, 2));
    const headers = Object.fromEntries(fields.filter(([name]) => name !== 'Status'));
    const status = Number(fields.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 200);
    response.writeHead(status, headers).end(answer.subarray(end + 4));
  });
}
