// What a process asks of the cloud, and what it is told, as plain JSON: it crosses a socket.
import { type BoxTag, SandboxError, type SandboxErrorCode } from '@boxyard/sandbox-core';

export type CloudRequest =
  | { readonly do: 'create'; readonly tag: BoxTag }
  | { readonly do: 'resume' | 'run' | 'pack' | 'destroy'; readonly instance: string }
  | { readonly do: 'write'; readonly instance: string; readonly epoch: number; readonly write: string }
  | { readonly do: 'unpack'; readonly instance: string; readonly writes: readonly string[] }
  | { readonly do: 'list' }
  /** Not of a provider: the writer's lease was its own after the write, so nobody may lose it. */
  | { readonly do: 'confirm'; readonly write: string };

export type CloudRequestKind = CloudRequest['do'];

export interface CloudListing {
  readonly instance: string;
  readonly tag: BoxTag;
}

/** What an answer holds besides success: the id of a made box, the content of a packed one, the list. */
export interface CloudValue {
  readonly instance?: string;
  readonly writes?: readonly string[];
  readonly boxes?: readonly CloudListing[];
}

export type CloudAnswer =
  | { readonly ok: true; readonly value: CloudValue }
  | { readonly ok: false; readonly code: SandboxErrorCode; readonly message: string };

/** The cloud as one process sees it. */
export type AskCloud = (request: CloudRequest) => Promise<CloudValue>;

export function answerOf(error: unknown): CloudAnswer {
  if (SandboxError.isInstance(error)) return { ok: false, code: error.code, message: error.message };
  return { ok: false, code: 'unreachable', message: `The cloud failed: ${String(error)}. Try again.` };
}

export function unpackAnswer(answer: CloudAnswer): CloudValue {
  if (answer.ok) return answer.value;
  throw new SandboxError(answer.code, answer.message);
}
