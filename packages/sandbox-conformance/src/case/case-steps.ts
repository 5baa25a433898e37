// The steps that many cases share: run, spawn with clean-up, read output, be refused, wait for a condition.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  BoxCapabilities,
  BoxProcess,
  Bytes,
  Capability,
  ExecRequest,
  ExecResult,
  OutputCursor,
  SandboxErrorCode,
  SpawnRequest,
} from '@boxyard/sandbox-core';
import { SandboxError } from '@boxyard/sandbox-core';
import type { BoxCaseContext } from './box-case.ts';

export const bytesOf = (text: string): Bytes => new Uint8Array(Buffer.from(text, 'utf8'));
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

/** Bytes with every value in an order that no text survives; the same for the same length. */
export function binary(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 167 + (index >> 8) * 13) & 0xff;
  return bytes;
}

export function sameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  // Not deepEqual: its message for 300 KB takes seconds to render.
  if (Buffer.compare(actual, expected) === 0) return;
  const at = expected.findIndex((byte, index) => actual[index] !== byte);
  assert.fail(`${what}: ${actual.length} bytes instead of ${expected.length}, different from ${at}`);
}

export function execute(context: BoxCaseContext, request: ExecRequest): Promise<ExecResult> {
  return context.box.exec(request, { deadlineMs: context.waitMs });
}

/** Runs a script of `/bin/sh` to its end, whatever its exit code. */
export function shell(
  context: BoxCaseContext,
  script: string,
  request: Omit<ExecRequest, 'program'> = {},
): Promise<ExecResult> {
  return execute(context, { ...request, program: { script } });
}

/** As `shell`, for a script that has to succeed. */
export async function prepare(context: BoxCaseContext, script: string): Promise<string> {
  const result = await shell(context, script);
  assert.equal(result.exitCode, 0, `preparing failed: ${script}\n${textOf(result.stderr)}`);
  return textOf(result.stdout);
}

/** Starts a command that ends and is forgotten with the case. */
export async function start(context: BoxCaseContext, request: SpawnRequest): Promise<BoxProcess> {
  const started = await context.box.spawn(request, { deadlineMs: context.waitMs });
  context.defer(() => discard(context, started));
  return started;
}

/** Ends the command and its record, whichever of them is still there. */
export async function discard(context: BoxCaseContext, started: BoxProcess): Promise<void> {
  const deadlineMs = context.waitMs;
  try {
    await started.kill({ deadlineMs, graceMs: 50 });
    await started.forget({ deadlineMs });
  } catch (error) {
    // A case may have forgotten the command, closed its box, or lost it on purpose.
    if (!SandboxError.isInstance(error) || !['not-found', 'closed', 'gone'].includes(error.code)) throw error;
  }
}

/** Fails unless it is refused as a SandboxError with one of these codes. */
export async function refused(
  codes: SandboxErrorCode | readonly SandboxErrorCode[],
  promise: Promise<unknown>,
  what = 'the call',
): Promise<SandboxError> {
  const expected = typeof codes === 'string' ? [codes] : codes;
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (!SandboxError.isInstance(error)) {
      assert.fail(`${what} failed with something that is no SandboxError: ${String(error)}`);
    }
    assert.ok(
      expected.includes(error.code),
      `${what} is ${error.code} (${error.message}), not ${expected.join(' or ')}`,
    );
    assert.ok(error.message.length > 0, `${what} is refused without a message`);
    return error;
  }
  return assert.fail(`${what} succeeded with ${String(value)} and should be ${expected.join(' or ')}`);
}

/** Asks until it holds. */
export async function eventually(
  context: BoxCaseContext,
  what: string,
  holds: () => Promise<boolean>,
): Promise<void> {
  const end = performance.now() + context.waitMs * 0.9;
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 2, 100)) {
    if (await holds()) return;
    if (performance.now() > end) assert.fail(`${what}: not so after ${context.waitMs} ms`);
    await sleep(pauseMs);
  }
}

export interface Collected {
  readonly stdout: Bytes;
  readonly stderr: Bytes;
  /** Null when the reading stopped before the end. */
  readonly complete: boolean | null;
  readonly next: OutputCursor;
}

export interface CollectOptions {
  readonly from?: OutputCursor | undefined;
  /** Stops reading as soon as this holds for what has been read. */
  readonly until?: ((stdout: string, stderr: string) => boolean) | undefined;
}

/** Reads output to its end and checks on the way that offsets and cursors are without gap or overlap. */
export async function collect(started: BoxProcess, options: CollectOptions = {}): Promise<Collected> {
  const from = options.from ?? { stdout: 0, stderr: 0 };
  const parts: Record<'stdout' | 'stderr', Bytes[]> = { stdout: [], stderr: [] };
  const at = { ...from };
  const joined = (channel: 'stdout' | 'stderr'): Bytes => new Uint8Array(Buffer.concat(parts[channel]));
  for await (const event of started.output({ from })) {
    if (event.kind === 'end') {
      assert.deepEqual(event.next, at, 'the last cursor is not where the output ended');
      return { stdout: joined('stdout'), stderr: joined('stderr'), complete: event.complete, next: at };
    }
    assert.equal(event.offset, at[event.channel], `a gap or an overlap in ${event.channel}`);
    at[event.channel] += event.bytes.length;
    assert.deepEqual(event.next, at, 'the cursor of a chunk is not where the next one begins');
    parts[event.channel].push(event.bytes);
    if (options.until?.(textOf(joined('stdout')), textOf(joined('stderr')))) {
      return { stdout: joined('stdout'), stderr: joined('stderr'), complete: null, next: at };
    }
  }
  return assert.fail('the output ended without an end event');
}

/** The use of a capability that the case has named in `needs`. */
export function use<Name extends keyof BoxCapabilities>(
  context: BoxCaseContext,
  name: Name,
): Extract<BoxCapabilities[Name], { available: true }>['use'] {
  const capability: Capability<unknown> = context.box.capabilities[name];
  if (!capability.available) assert.fail(`${name} is unavailable: ${capability.reason}`);
  return capability.use as Extract<BoxCapabilities[Name], { available: true }>['use'];
}

/** Writes a file of this case and answers its name. */
export async function writeFile(
  context: BoxCaseContext,
  name: string,
  content: string | Bytes,
): Promise<string> {
  const bytes = typeof content === 'string' ? bytesOf(content) : content;
  await context.box.files.write(name, bytes, { deadlineMs: context.waitMs });
  return name;
}

export async function readText(context: BoxCaseContext, name: string): Promise<string> {
  return textOf(await context.box.files.read(name, { deadlineMs: context.waitMs }));
}
