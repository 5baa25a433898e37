// Commands of any session, also one that has nothing but `execCommand`: text goes in and a banner comes out.
import { bounded, isGoneText, SandboxError } from '@boxyard/sandbox-core';
import type { SandboxSession } from '@openai/agents-core/sandbox';
import { type CommandReport, parseBanner } from '../banner.ts';
import { boxErrorOf } from '../session-error.ts';

export interface ShellAnswer {
  readonly exitCode: number;
  readonly output: string;
}

/** Not longer: the SDK's local session keeps its process alive for as long as it would have waited. */
const WAIT_MS = 2000;
/** Of a session that cannot be asked again. Longer than the channel's own clock, so that every command ends by itself. */
const ONLY_WAIT_MS = 30_000;
const DEADLINE_MS = 60_000;

export class SessionShell {
  readonly #session: SandboxSession;

  /** @throws SandboxError `unsupported` for a session that runs no commands. */
  constructor(session: SandboxSession) {
    if (session.execCommand === undefined) {
      throw new SandboxError('unsupported', 'Making a box of the session failed: it runs no commands.', {
        started: 'no',
      });
    }
    this.#session = session;
  }

  /**
   * Runs a script of `/bin/sh`. It goes as base64: some sessions rewrite paths in what they are given. What it prints
   * is rewritten too, and cut beyond a megabyte.
   */
  run(script: string): Promise<ShellAnswer> {
    return bounded({ deadlineMs: DEADLINE_MS }, 'A command of the session', async () => {
      const encoded = Buffer.from(script).toString('base64');
      const cmd = `eval "$(printf %s '${encoded}' | base64 -d)"`;
      const yieldTimeMs = this.#session.writeStdin === undefined ? ONLY_WAIT_MS : WAIT_MS;
      let report = await this.#ask(() =>
        this.#session.execCommand?.({ cmd, shell: '/bin/sh', login: false, yieldTimeMs }),
      );
      let output = report.output;
      while (report.sessionId !== null) {
        const { sessionId } = report;
        report = await this.#ask(() => this.#session.writeStdin?.({ sessionId, yieldTimeMs: WAIT_MS }));
        output += report.output;
      }
      if (report.exitCode === null) throw strange('it does not say how the command ended');
      return { exitCode: report.exitCode, output };
    });
  }

  async #ask(call: () => Promise<string> | undefined): Promise<CommandReport> {
    let said: string | undefined;
    try {
      said = await call();
    } catch (error) {
      throw failureOf(error);
    }
    if (said === undefined) throw strange('it cannot be asked for the rest of a command');
    const report = parseBanner(said);
    if (report === null) throw strange('its answer is no banner');
    return report;
  }
}

function failureOf(error: unknown): SandboxError {
  const said = boxErrorOf(error);
  if (said !== null) return said;
  const text = error instanceof Error ? error.message : String(error);
  const code = isGoneText(text) ? 'gone' : 'unreachable';
  return new SandboxError(code, `The session failed: ${text.slice(0, 500)}`, { cause: error });
}

function strange(why: string): SandboxError {
  return new SandboxError('unreachable', `The session cannot be understood: ${why}. Open it again.`, {
    retryable: false,
  });
}
