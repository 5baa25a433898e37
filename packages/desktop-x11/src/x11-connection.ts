/// <reference path="./x11-library.d.ts" />
// One connection to an X server, of which every request is answered, or ends with the connection.
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { SandboxError } from '@boxyard/sandbox-core';
import x11, { type Client, type Display, type Screen, type XTest } from 'x11';
import { readCookie } from './authority-file.ts';
import type { DisplayName } from './display-name.ts';
import { ServerStream } from './server-stream.ts';
import { checkSocketOwner } from './socket-owner.ts';

export interface X11ConnectionOptions {
  readonly display: DisplayName;
  readonly authorityFile: string;
  /** How long one answer may take, in ms. A server that is silent for longer is given up. */
  readonly answerMs: number;
}

/** It has windows of X programs only, and its own picture of the screen is black. */
const WAYLAND = 'it belongs to a Wayland session, whose screen X does not know';

type Answer<T> = (error: Error | null | undefined, value: T) => boolean;

export class X11Connection {
  readonly client: Client;
  readonly display: Display;
  readonly screen: Screen;
  readonly #socket: Socket;
  readonly #name: string;
  readonly #answerMs: number;
  readonly #pending = new Set<(error: SandboxError) => void>();
  #refusals: Error[] = [];
  #input: XTest | null = null;
  #lost: SandboxError | null = null;

  private constructor(socket: Socket, display: Display, screen: Screen, options: X11ConnectionOptions) {
    this.#socket = socket;
    this.client = display.client;
    this.display = display;
    this.screen = screen;
    this.#name = options.display.name;
    this.#answerMs = options.answerMs;
  }

  /** @throws SandboxError `unsupported` with the reason why nobody can look at this display. */
  static async open(options: X11ConnectionOptions): Promise<X11Connection> {
    const { display: name, authorityFile, answerMs } = options;
    const cannot = (why: string, cause?: unknown) =>
      new SandboxError('unsupported', `The display ${name.name} cannot be opened: ${why}`, {
        started: 'no',
        cause,
      });
    const cookie = await readCookie(authorityFile, name.number).catch((cause: Error) => {
      throw cannot(`${cause.message}. Let the agent's user read it.`, cause);
    });
    await checkSocketOwner(name.socketPath, authorityFile).catch((cause: Error) => {
      throw cannot(`${cause.message}. Start its X server, or name another display.`, cause);
    });
    const socket = createConnection(name.socketPath);
    const late = setTimeout(() => socket.destroy(new Error(`no answer within ${answerMs} ms`)), answerMs);
    try {
      await once(socket, 'connect');
      const display = await handshake(socket, name, cookie);
      const screen = display.screen[name.screen];
      if (screen === undefined) throw new Error(`it has no screen ${name.screen}`);
      const connection = new X11Connection(socket, display, screen, options);
      connection.#watch();
      if (await connection.#offers('XWAYLAND')) throw new Error(WAYLAND);
      await connection.#findInput();
      return connection;
    } catch (cause) {
      socket.destroy();
      const why = cause instanceof Error ? cause.message : String(cause);
      const hint = cookie.name === '' ? `, with no cookie for it in ${authorityFile}` : '';
      throw cannot(`${why}${hint}. Start its X server, or name another display.`, cause);
    } finally {
      clearTimeout(late);
    }
  }

  /** Null where the server takes no input from programs. */
  get input(): XTest | null {
    return this.#input;
  }

  get lost(): boolean {
    return this.#lost !== null;
  }

  /** @throws SandboxError `unreachable` when the connection ends before, or the server is silent for too long. */
  request<T>(send: (answer: Answer<T>) => void): Promise<T> {
    const lost = this.#lost;
    if (lost !== null) return Promise.reject(lost);
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        clearTimeout(late);
        this.#pending.delete(fail);
        reject(error);
      };
      const late = setTimeout(
        () => this.#lose(`the X server said nothing for ${this.#answerMs} ms`),
        this.#answerMs,
      );
      this.#pending.add(fail);
      try {
        send((error, value) => {
          if (error) {
            fail(error);
          } else {
            clearTimeout(late);
            this.#pending.delete(fail);
            resolve(value);
          }
          return true;
        });
      } catch (error) {
        fail(error);
      }
    });
  }

  /** Resolves once everything that was sent has been done. @throws the first refusal of what has no answer of its own. */
  async settle(): Promise<void> {
    await this.request((answer) => this.client.GetInputFocus(answer));
    const [refusal] = this.#refusals;
    this.#refusals = [];
    if (refusal !== undefined) throw refusal;
  }

  close(): void {
    this.#lose('its connection was closed');
  }

  #watch(): void {
    this.client.on('error', (error) => void this.#refusals.push(error));
    this.#socket.on('error', (error) => this.#lose(error.message, error));
    this.#socket.on('close', () => this.#lose('its X server has ended'));
  }

  async #findInput(): Promise<void> {
    if (!(await this.#offers('XTEST'))) return;
    this.#input = await this.request<XTest>((answer) => this.client.require('xtest', answer));
  }

  async #offers(extension: string): Promise<boolean> {
    const { present } = await this.request<{ readonly present: number }>((answer) =>
      this.client.QueryExtension(extension, answer),
    );
    return present !== 0;
  }

  #lose(why: string, cause?: unknown): void {
    if (this.#lost !== null) return;
    const message = `The display ${this.#name} is lost: ${why}. Look at the screen before you repeat it.`;
    this.#lost = new SandboxError('unreachable', message, { started: 'unknown', cause });
    this.#socket.destroy();
    for (const fail of [...this.#pending]) fail(this.#lost);
  }
}

function handshake(
  socket: Socket,
  { name }: DisplayName,
  auth: { readonly name: string; readonly data: string },
): Promise<Display> {
  return new Promise((resolve, reject) => {
    // Silence and a fault are told by what becomes of the socket.
    socket.once('error', reject);
    const stream = new ServerStream(socket);
    x11
      .createClient({ display: name, stream, auth, disableBigRequests: true }, (error, display) =>
        error === undefined ? resolve(display) : reject(error),
      )
      .on('error', reject);
  });
}
