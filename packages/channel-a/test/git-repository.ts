/** Real repositories for tests, made with the machine's git and none of its user's settings. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export class GitRepository {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  static async init(root: string): Promise<GitRepository> {
    await mkdir(root, { recursive: true });
    const repository = new GitRepository(root);
    await repository.git('init', '--quiet', '--initial-branch=main');
    return repository;
  }

  git(...args: string[]): Promise<string> {
    return this.#git(args, '');
  }

  gitWithInput(input: string, ...args: string[]): Promise<string> {
    return this.#git(args, input);
  }

  async write(path: string, content: string | Uint8Array): Promise<void> {
    const file = join(this.root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }

  async commit(message: string): Promise<string> {
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--allow-empty', '--message', message);
    return this.git('rev-parse', 'HEAD');
  }

  /** Waits for the end also where git fails, and answers what it printed then. */
  async tryGit(...args: string[]): Promise<string> {
    return this.#git(args, '').catch((error: Error) => error.message);
  }

  #git(args: readonly string[], input: string): Promise<string> {
    const env = {
      PATH: process.env.PATH,
      HOME: '/nonexistent',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'Ada',
      GIT_AUTHOR_EMAIL: 'ada@example.com',
      GIT_AUTHOR_DATE: '2024-05-06T07:08:09+02:00',
      GIT_COMMITTER_NAME: 'Bob',
      GIT_COMMITTER_EMAIL: 'bob@example.com',
      GIT_COMMITTER_DATE: '2024-05-06T05:08:10Z',
    };
    return new Promise((resolve, reject) => {
      const child = execFile(
        'git',
        args,
        { cwd: this.root, env, maxBuffer: 1e9, timeout: 50_000 },
        (error, stdout, stderr) => {
          if (error) reject(new Error(`git ${args.join(' ')}: ${stderr || error.message}`));
          else resolve(stdout.trimEnd());
        },
      );
      // A git that reads no input has ended before it could be given any.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input);
    });
  }
}
