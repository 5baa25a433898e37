// The channel of a box's files: opened when it is first needed, and anew when it has died.
import {
  type Bytes,
  bounded,
  closedHandle,
  type OpenShellChannel,
  SandboxError,
  ShellLink,
  type ShellReply,
} from '@boxyard/sandbox-core';
import { filesScript } from './files-script.ts';

/** Where a box keeps what, and who opens it. */
export interface FilesPlace {
  readonly openChannel: OpenShellChannel;
  readonly spoolDir: string;
  readonly stageDir: string;
  readonly workspaceRoot: string;
  readonly epoch: number;
  /** What the shell runs; `filesScript()` when absent. */
  readonly script?: string;
}

export interface FilesProbe {
  /** Tools that files need and the box lacks. */
  readonly missing: readonly string[];
  readonly hasTar: boolean;
}

interface Opened {
  readonly link: ShellLink;
  readonly probe: FilesProbe;
}

const CLOSE_WAIT_MS = 2000;

/** Looking changes nothing, so a channel that dies under it is asked again. */
const REPEATABLE: ReadonlySet<string> = new Set([
  'read',
  'version',
  'stat',
  'link',
  'list',
  'folder',
  'shell',
  'drop',
  'locate',
  'names',
  'marked',
]);

/** The arguments that every script about files begins with. */
export function placeArguments(place: FilesPlace): readonly string[] {
  return [place.spoolDir, place.workspaceRoot, String(place.epoch), place.stageDir];
}

export class FilesLink {
  readonly #place: FilesPlace;
  #current: Opened | null = null;
  #opening: Promise<Opened> | null = null;
  #closed = false;

  constructor(place: FilesPlace) {
    this.#place = place;
  }

  async probe(): Promise<FilesProbe> {
    return (await this.#open()).probe;
  }

  async request(verb: string, args: readonly string[], payload?: Bytes): Promise<ShellReply> {
    const { link } = await this.#open();
    try {
      return await link.request(verb, args, payload);
    } catch (error) {
      if (!SandboxError.hasCode(error, 'unreachable') || link.alive || !REPEATABLE.has(verb)) throw error;
      return (await this.#open()).link.request(verb, args, payload);
    }
  }

  /** Two requests between which no other one may come, as a list and its parts. */
  async session<T>(run: (link: ShellLink) => Promise<T>): Promise<T> {
    const { link } = await this.#open();
    return run(link);
  }

  async close(): Promise<void> {
    this.#closed = true;
    const opened = this.#current ?? (await this.#opening?.catch(() => null)) ?? null;
    if (opened === null) return;
    opened.link.end();
    await bounded({ deadlineMs: CLOSE_WAIT_MS }, 'Closing the channel', () => opened.link.closed).catch(
      () => undefined,
    );
  }

  async #open(): Promise<Opened> {
    if (this.#closed) throw closedHandle();
    if (this.#current?.link.alive === true) return this.#current;
    this.#opening ??= this.#openAnew().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #openAnew(): Promise<Opened> {
    const { script = filesScript() } = this.#place;
    const argv = ['/bin/sh', '-c', script, 'boxyard', ...placeArguments(this.#place)] as const;
    const link = new ShellLink(await this.#place.openChannel(argv), () => undefined);
    this.#current = { link, probe: await link.greet('Opening the files of the box', readHello) };
    return this.#current;
  }
}

function readHello(reply: ShellReply): FilesProbe {
  if (reply.kind === 'status' && reply.status === 10) {
    throw new SandboxError('gone', 'Opening the box failed: its workspace is not there any more.', {
      started: 'no',
    });
  }
  if (reply.kind === 'status' && reply.status === 6) {
    throw new SandboxError('quota', 'Opening the box failed: its folders cannot be made. Is its disk full?', {
      started: 'no',
    });
  }
  const [, tar, missing] =
    (reply.kind === 'status' && reply.status === 0
      ? /^\d+ ([01])((?: [a-z0-9]+)*)$/.exec(reply.text)
      : null) ?? [];
  if (missing === undefined) {
    throw new SandboxError('unreachable', 'The shell of the box speaks another language; open it again.');
  }
  return { missing: missing.split(' ').filter((name) => name !== ''), hasTar: tar === '1' };
}
