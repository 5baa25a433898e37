// The one channel of a runner: opened when it is first needed, and anew when it has died.
import type { Bytes } from '../call-options.ts';
import { bounded } from '../deadline/bounded.ts';
import { SandboxError } from '../sandbox-error.ts';
import { OWN_KEEPER_SCRIPT } from './keeper-script.ts';
import { RUNNER_SCRIPT } from './runner-script.ts';
import type { OpenShellChannel } from './shell-channel.ts';
import type { ShellNotice, ShellReply } from './shell-frames.ts';
import { ShellLink } from './shell-link.ts';

/** What the box's shell stands on. */
export interface RunnerProbe {
  /** Tools that are missing; without them a command runs, but cannot be found again by another process. */
  readonly missing: readonly string[];
  /** A newer epoch has been seen in the box. */
  readonly fenced: boolean;
  /** Whether commands begin with SIGINT as the system has it; else `interrupt` may be ignored by them. */
  readonly interruptible: boolean;
}

export interface RunnerLinksOptions {
  readonly openChannel: OpenShellChannel;
  readonly spoolDir: string;
  readonly workspaceRoot: string;
  readonly mark: string;
  readonly epoch: number;
  readonly shell?: readonly [string, ...string[]];
}

/** A shell is up in milliseconds; this only says that nobody answers. */
/** How long closing waits for the shell to end by itself; one that is frozen is left behind. */
const CLOSE_WAIT_MS = 2000;

/** Looking changes nothing, and a start is protected by its claim; a stdin chunk would arrive twice. */
const REPEATABLE: ReadonlySet<string> = new Set([
  'claim',
  'run',
  'record',
  'list',
  'sizes',
  'usage',
  'read',
  'forget',
]);

export interface OpenedLink {
  readonly link: ShellLink;
  readonly probe: RunnerProbe;
}

export class RunnerLinks {
  readonly #options: RunnerLinksOptions;
  readonly #onNotice: (notice: ShellNotice) => void;
  readonly #onEnd: () => void;
  #opening: Promise<OpenedLink> | null = null;
  #current: OpenedLink | null = null;
  #closed = false;

  constructor(options: RunnerLinksOptions, onNotice: (notice: ShellNotice) => void, onEnd: () => void) {
    this.#options = options;
    this.#onNotice = onNotice;
    this.#onEnd = onEnd;
  }

  async probe(): Promise<RunnerProbe> {
    return (await this.#open()).probe;
  }

  async link(): Promise<ShellLink> {
    return (await this.#open()).link;
  }

  async request(verb: string, args: readonly string[], payload?: Bytes): Promise<ShellReply> {
    return (await this.requestOn(verb, args, payload)).reply;
  }

  /** Asked again once when the channel dies under a question that does no harm twice. */
  async requestOn(
    verb: string,
    args: readonly string[],
    payload?: Bytes,
  ): Promise<{ readonly reply: ShellReply; readonly link: ShellLink }> {
    const link = await this.link();
    try {
      return { reply: await link.request(verb, args, payload), link };
    } catch (error) {
      if (!SandboxError.hasCode(error, 'unreachable') || link.alive || !REPEATABLE.has(verb)) throw error;
      const next = await this.link();
      return { reply: await next.request(verb, args, payload), link: next };
    }
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

  async #open(): Promise<OpenedLink> {
    if (this.#current?.link.alive === true) return this.#current;
    if (this.#closed) throw closedHandle();
    this.#opening ??= this.#openAnew().finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #openAnew(): Promise<OpenedLink> {
    const opened = await openLink(this.#options, this.#onNotice);
    this.#current = opened;
    opened.link.onEnd(this.#onEnd);
    return opened;
  }
}

/** Starts a shell in the box and waits until it is up. `texts` are the scripts that it is to run later. */
export async function openLink(
  options: RunnerLinksOptions,
  onNotice: (notice: ShellNotice) => void,
  texts: readonly string[] = [],
): Promise<OpenedLink> {
  const { openChannel, shell = ['/bin/sh'], spoolDir, workspaceRoot, mark, epoch } = options;
  const place = [spoolDir, workspaceRoot, mark, String(epoch), OWN_KEEPER_SCRIPT, ...texts];
  const channel = await openChannel([shell[0]!, ...shell.slice(1), '-c', RUNNER_SCRIPT, 'boxyard', ...place]);
  const link = new ShellLink(channel, onNotice);
  return { link, probe: await link.greet('Opening the shell of the box', readHello) };
}

/** The error of a handle that its own user closed. */
export function closedHandle(): SandboxError {
  return new SandboxError('closed', 'The handle of the box is closed; open the box again.', {
    started: 'no',
  });
}

function readHello(reply: ShellReply): RunnerProbe {
  if (reply.kind === 'status' && reply.status === 2) {
    throw new SandboxError('gone', 'Opening the box failed: its workspace is not there any more.', {
      started: 'no',
    });
  }
  if (reply.kind === 'status' && reply.status === 5) {
    throw new SandboxError(
      'unsupported',
      `The box lacks ${reply.text}, which running commands needs; install it.`,
      {
        started: 'no',
      },
    );
  }
  if (reply.kind === 'status' && reply.status === 6) {
    throw new SandboxError('quota', 'Opening the box failed: its spool cannot be made. Is its disk full?', {
      started: 'no',
    });
  }
  const [, fenced, interruptible, missing] =
    (reply.kind === 'status' && reply.status === 0
      ? /^1 \d+ \d+ ([01]) ([01])((?: [a-z0-9/]+)*)$/.exec(reply.text)
      : null) ?? [];
  if (missing === undefined) {
    throw new SandboxError(
      'unreachable',
      'The shell of the box speaks another language; open the box again.',
    );
  }
  return {
    missing: missing.split(' ').filter((name) => name !== ''),
    fenced: fenced === '1',
    interruptible: interruptible === '1',
  };
}
