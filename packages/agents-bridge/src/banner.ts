// The text in which the SDK gives command results to the model: written here, and nowhere else read.
import { SandboxError } from '@boxyard/sandbox-core';
import { formatExecResponse, truncateOutput } from './sdk-values.ts';
import { AgentsSessionError } from './session-error.ts';

/** What a banner says. */
export interface CommandReport {
  readonly output: string;
  readonly wallTimeSeconds: number;
  /** Null while it runs, and when nobody knows. */
  readonly exitCode: number | null;
  /** While it runs: the number to ask for more. */
  readonly sessionId: number | null;
  readonly originalTokenCount: number | null;
}

export interface BannerRequest {
  readonly output: string;
  /** What we have to say about the result; never cut, and after the output. */
  readonly notes?: readonly string[];
  readonly startedAtMs: number;
  readonly exitCode: number | null;
  readonly sessionId: number | null;
  readonly maxOutputTokens?: number | undefined;
}

/** The report of what is asked for, its output cut to the budget. */
export function commandReport(request: BannerRequest): CommandReport {
  const { output, notes = [], startedAtMs, exitCode, sessionId, maxOutputTokens } = request;
  const { text, originalTokenCount } = truncateOutput(output, maxOutputTokens);
  const gap = text === '' || text.endsWith('\n') || notes.length === 0 ? '' : '\n';
  return {
    output: text + gap + notes.map((note) => `[box] ${note}\n`).join(''),
    wallTimeSeconds: (performance.now() - startedAtMs) / 1000,
    exitCode,
    sessionId,
    originalTokenCount: originalTokenCount ?? null,
  };
}

export function writeBanner(report: CommandReport): string {
  const { output, wallTimeSeconds, exitCode, sessionId, originalTokenCount } = report;
  return formatExecResponse({
    output,
    wallTimeSeconds,
    ...(exitCode === null ? {} : { exitCode }),
    ...(sessionId === null ? {} : { sessionId }),
    ...(originalTokenCount === null ? {} : { originalTokenCount }),
  });
}

/** What the model reads when a tool could not do its work: a thrown error would reach it as a bland sentence. */
export function failureBanner(tool: string, error: unknown, startedAtMs: number): string {
  const text = `${tool} failed: ${reasonOf(error)}`;
  const notes = startedNote(error);
  return writeBanner(
    commandReport({ output: `${text}\n`, notes, startedAtMs, exitCode: 1, sessionId: null }),
  );
}

/** Only our own errors are written to be read: others may hold what the model must not see. */
function reasonOf(error: unknown): string {
  if (SandboxError.isInstance(error) || error instanceof AgentsSessionError) return error.message;
  return `something unexpected happened (${error instanceof Error ? error.name : typeof error}).`;
}

function startedNote(error: unknown): readonly string[] {
  const cause = error instanceof Error && SandboxError.isInstance(error.cause) ? error.cause : error;
  if (!SandboxError.isInstance(cause)) return [];
  const code = `Reason: ${cause.code}${cause.retryable ? ', trying again may help' : ''}.`;
  if (cause.started === 'no') return [`${code} Nothing was run.`];
  return cause.started === 'yes'
    ? [code]
    : [`${code} It may have been run: look at its effects before repeating it.`];
}

const HEAD =
  /^(?:Chunk ID: [^\n]*\n)?Wall time: (\d+(?:\.\d+)?) seconds\n(?:Process exited with code (-?\d+)\n|Process running with session ID (\d+)\n)?(?:Original token count: (\d+)\n)?Output:(?:\n|$)/;

/** Null for text that is no banner. Only its head is read, so that output which looks like one is output. */
export function parseBanner(text: string): CommandReport | null {
  const match = HEAD.exec(text);
  if (match === null) return null;
  const [head, wallTime, exitCode, sessionId, tokens] = match;
  const number = (digits: string | undefined) => (digits === undefined ? null : Number(digits));
  return {
    output: text.slice(head.length),
    wallTimeSeconds: Number(wallTime),
    exitCode: number(exitCode),
    sessionId: number(sessionId),
    originalTokenCount: number(tokens),
  };
}
