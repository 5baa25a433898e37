// What a case of the SDK's session contract is. Data, so that a suite that must bite can run one without vitest.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Box } from '@boxyard/sandbox-core';
import { type CommandReport, parseBanner } from '../banner.ts';
import type { AgentsSession } from '../session/agents-session.ts';

/**
 * `kernel`: real processes behind a real `/bin/sh`. `swap`: the subject can put another box under its session.
 * `terminal`: the box has terminals.
 */
export interface AgentsSessionFacts {
  readonly kernel?: boolean;
  readonly swap?: boolean;
  readonly terminal?: boolean;
}

export interface AgentsSessionSubject {
  readonly session: AgentsSession;
  /** The box of the session, to look from outside at what the session did. */
  readonly box: Box;
  /** From now on the session works in the box that this answers. */
  readonly swap?: () => Promise<Box>;
  /** After a swap: the session's handle of its first box is lost. That of `box` is closed when this is absent. */
  readonly lose?: () => Promise<void>;
  readonly dispose?: () => Promise<void>;
}

export interface AgentsSessionCaseContext extends AgentsSessionSubject {
  readonly waitMs: number;
  /** A name that no other case uses. */
  unique(hint: string): string;
}

export interface AgentsSessionCase {
  /** Of the SDK's contract, where it is one of its cases. */
  readonly number?: number;
  readonly title: string;
  readonly needs?: readonly (keyof AgentsSessionFacts)[];
  /** The case closes its session or swaps its box. */
  readonly ownSession?: boolean;
  run(context: AgentsSessionCaseContext): Promise<void>;
}

let names = 0;

export async function runAgentsSessionCase(
  one: AgentsSessionCase,
  subject: AgentsSessionSubject,
  waitMs: number,
): Promise<void> {
  const unique = (hint: string) => `${hint}-${process.pid.toString(36)}-${(++names).toString(36)}`;
  await one.run({ ...subject, waitMs, unique });
}

/** The report of a tool call, whose text has to be a banner. */
export async function reportOf(said: Promise<string>): Promise<CommandReport> {
  const text = await said;
  const report = parseBanner(text);
  if (report === null) assert.fail(`this is no banner: ${JSON.stringify(text.slice(0, 300))}`);
  return report;
}

export function command(context: AgentsSessionCaseContext, cmd: string, maxOutputTokens?: number) {
  const budget = maxOutputTokens === undefined ? {} : { maxOutputTokens };
  return reportOf(context.session.execCommand({ cmd, yieldTimeMs: context.waitMs, ...budget }));
}

/** Polls a running command until its text is as wanted or it has ended; answers all of its text. */
export async function pollUntil(
  context: AgentsSessionCaseContext,
  sessionId: number,
  holds: (text: string) => boolean,
): Promise<{ readonly text: string; readonly last: CommandReport }> {
  const end = performance.now() + context.waitMs;
  for (let text = ''; ; ) {
    const last = await reportOf(context.session.writeStdin({ sessionId, yieldTimeMs: 50 }));
    text += last.output;
    if (last.sessionId === null || holds(text)) return { text, last };
    if (performance.now() > end) assert.fail(`still running after ${context.waitMs} ms: ${text.slice(-300)}`);
    await sleep(20);
  }
}

/** Fails unless it is refused with one of these codes. */
export async function refusedWith(codes: readonly string[], call: () => unknown): Promise<Error> {
  let value: unknown;
  try {
    value = await call();
  } catch (error) {
    assert.ok(error instanceof Error, `refused with something that is no error: ${String(error)}`);
    const code = 'code' in error ? String(error.code) : 'none';
    assert.ok(codes.includes(code), `the code is ${code} (${error.message}), not ${codes.join(' or ')}`);
    return error;
  }
  return assert.fail(`it should be refused and answered ${JSON.stringify(value)?.slice(0, 200)}`);
}

export const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The content of a file, read past the session. */
export async function contentOf(context: AgentsSessionCaseContext, path: string): Promise<string> {
  return utf8(await context.box.files.read(path));
}

export async function prepareFile(
  { box }: AgentsSessionCaseContext,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : Uint8Array.from(content);
  await box.files.write(path, bytes, { createParents: true });
}
