// No image registry is needed: what a registry would bring is made on this machine from Debian's packages.
import { execFile, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { systemEnvironment } from './system-environment.ts';

const run = promisify(execFile);
const DEBOOTSTRAP_DEADLINE_MS = 10 * 60_000;

/**
 * `debian` is Debian alone, as small as debootstrap makes it; `busybox` is one static program and its links;
 * `few-tools` is a plain shell and busybox's programs without those that keep commands and walk trees; `shell-only`
 * has `/bin/sh` and nothing else.
 */
export type BaseImage = 'debian' | 'busybox' | 'few-tools' | 'shell-only';

/** What `few-tools` lacks of busybox. */
const LEFT_OUT = new Set(['mkfifo', 'dd', 'find', 'xargs', 'sha256sum', 'base64', 'tar', 'readlink']);

/** Under the names that a Dockerfile's FROM asks for. */
export const IMAGE_NAMES: Readonly<Record<BaseImage, string>> = {
  debian: 'debian:bookworm-slim',
  busybox: 'busybox:latest',
  'few-tools': 'boxyard-test/few-tools:1',
  'shell-only': 'boxyard-test/shell-only:1',
};

const MAKE: Readonly<Record<BaseImage, (root: string) => Promise<void>>> = {
  debian: makeDebian,
  busybox: (root) => makeBusybox(root, () => true),
  'few-tools': async (root) => {
    await makeBusybox(root, (applet) => applet !== 'sh' && !LEFT_OUT.has(applet));
    await addDash(root);
  },
  'shell-only': async (root) => {
    await makeFolders(root);
    await addDash(root);
  },
};

/** Gives the engine this image, unless it has it. */
export async function provideImage(docker: Docker, image: BaseImage): Promise<void> {
  const name = IMAGE_NAMES[image];
  const present = await docker.listImages({ filters: { reference: [name] } });
  if (present.length > 0) return;
  const folder = await mkdtemp(join(tmpdir(), `boxyard-image-${image}-`));
  try {
    const root = join(folder, 'root');
    await mkdir(root);
    await MAKE[image](root);
    await importTree(docker, root, name);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeDebian(root: string): Promise<void> {
  await run('debootstrap', ['--variant=minbase', 'bookworm', root], {
    env: systemEnvironment(),
    timeout: DEBOOTSTRAP_DEADLINE_MS,
    maxBuffer: 64 * 1024 ** 2,
  });
  // Downloaded packages are of no use in a box and would double its size.
  await rm(join(root, 'var/cache/apt/archives'), { recursive: true, force: true });
}

async function makeFolders(root: string): Promise<void> {
  for (const folder of ['bin', 'etc', 'proc', 'sys', 'dev', 'root', 'home', 'var']) {
    await mkdir(join(root, folder));
  }
  await mkdir(join(root, 'tmp'), { mode: 0o777 });
  await run('chmod', ['1777', join(root, 'tmp')], { env: systemEnvironment() });
}

async function makeBusybox(root: string, hasApplet: (name: string) => boolean): Promise<void> {
  await makeFolders(root);
  const { stdout: program } = await run('sh', ['-c', 'command -v busybox'], { env: systemEnvironment() });
  await copyFile(program.trim(), join(root, 'bin/busybox'));
  const { stdout: applets } = await run('busybox', ['--list'], { env: systemEnvironment() });
  for (const applet of applets.trim().split('\n')) {
    if (applet !== 'busybox' && hasApplet(applet)) await symlink('busybox', join(root, 'bin', applet));
  }
}

/** As `/bin/sh`: the shell of busybox finds all of busybox by itself, whatever links there are. */
async function addDash(root: string): Promise<void> {
  const { stdout: libraries } = await run('ldd', ['/bin/dash'], { env: systemEnvironment() });
  const files = [...libraries.matchAll(/(\/[^ ]+) \(0x/g)].map(([, path]) => path!);
  await copyFile('/bin/dash', join(root, 'bin/sh'));
  for (const file of files) {
    await mkdir(join(root, dirname(file)), { recursive: true });
    await copyFile(file, join(root, file));
  }
}

async function importTree(docker: Docker, root: string, name: string): Promise<void> {
  const tar = spawn('tar', ['--numeric-owner', '-C', root, '-c', '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve, reject) => {
    tar.once('error', reject);
    tar.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`tar ended with ${code}.`))));
  });
  const [repo, tag] = name.split(':') as [string, string];
  const [answer] = await Promise.all([docker.importImage(tar.stdout, { repo, tag }), ended]);
  // The image is there when the engine has said all that it had to say.
  for await (const _ of answer);
}
