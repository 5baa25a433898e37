import { randomUUID } from 'node:crypto';
import { quote } from '@boxyard/sandbox-core';
import type { ApiClient } from './api-client.ts';

export interface RunCommandRequest {
  readonly session: string;
  readonly workspace: string;
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** Forwarded to the command until it ends; absent = an empty stdin. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  readonly onStdout: (bytes: Uint8Array) => void;
  readonly onStderr: (bytes: Uint8Array) => void;
}

interface OpLine {
  readonly stream?: 'stdout' | 'stderr';
  readonly chunk?: string;
  readonly chunkBase64?: string;
  readonly offset?: number;
  readonly exitCode?: number | null;
  readonly lost?: string;
}

/** The exit code of a command whose end nobody can know any more; as `ssh` does it for a lost connection. */
const EXIT_LOST = 255;
const RECONNECTS = 20;

/**
 * Runs a command in a session's box and streams what it prints. The command is named by an id of our own, so a
 * broken connection is taken up again at the byte where it broke and nothing runs twice.
 */
export async function runCommand(client: ApiClient, request: RunCommandRequest): Promise<number> {
  const opId = randomUUID();
  const session = `/v1/workspaces/${request.workspace}/sessions/${request.session}`;
  await client.json('POST', `${session}/terminal/exec`, {
    body: {
      opId,
      command: quote(request.command),
      background: true,
      waitMs: 0,
      ...(request.cwd === undefined ? {} : { cwd: request.cwd }),
      ...(request.timeoutMs === undefined ? {} : { timeoutMs: request.timeoutMs }),
    },
  });
  const ended = new AbortController();
  const forwarding = forwardStdin(client, `${session}/ops/${opId}/stdin`, request.stdin, ended.signal);
  try {
    return await followOutput(client, `${session}/ops/${opId}/stream`, request);
  } finally {
    ended.abort();
    await forwarding;
  }
}

async function followOutput(client: ApiClient, path: string, request: RunCommandRequest): Promise<number> {
  const at = { stdout: 0, stderr: 0 };
  for (let failures = 0; ; failures++) {
    try {
      const query = `?stdoutOffset=${at.stdout}&stderrOffset=${at.stderr}`;
      for await (const event of client.events(path + query)) {
        const line = JSON.parse(event.data) as OpLine;
        if (line.lost !== undefined) {
          process.stderr.write(`boxyard: how the command ended is not known: ${line.lost}\n`);
          return EXIT_LOST;
        }
        if (line.exitCode !== undefined) return line.exitCode ?? EXIT_LOST;
        if (line.stream === undefined || line.offset === undefined) continue;
        const bytes = Buffer.from(line.chunkBase64 ?? line.chunk ?? '', line.chunkBase64 ? 'base64' : 'utf8');
        at[line.stream] = line.offset + bytes.length;
        (line.stream === 'stdout' ? request.onStdout : request.onStderr)(bytes);
        failures = 0;
      }
    } catch (error) {
      // A refusal is final; only a connection that broke is taken up again.
      if (!(error instanceof TypeError) || failures >= RECONNECTS) throw error;
    }
    if (failures >= RECONNECTS) return EXIT_LOST;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function forwardStdin(
  client: ApiClient,
  path: string,
  stdin: AsyncIterable<Uint8Array> | undefined,
  ended: AbortSignal,
): Promise<void> {
  try {
    for await (const chunk of stdin ?? []) {
      if (ended.aborted) return;
      await client.json('POST', path, {
        body: { data: Buffer.from(chunk).toString('base64'), encoding: 'base64' },
        signal: ended,
      });
    }
    await client.json('POST', path, { body: { close: true }, signal: ended });
  } catch (error) {
    // The command may end before it has read everything; its exit code tells the rest.
    if (!ended.aborted && !(error instanceof Error)) throw error;
  }
}
