// The journal as the model is told it: what a person said, what the model answered, what its tools said to that.
import type { JournalEntry, JournalRecord } from '@boxyard/sandbox-core';
import type { AgentInputItem } from '@openai/agents';
import { z } from 'zod';

/** An item of the SDK, stored as it was. */
const StoredItem = z.looseObject({ type: z.string().optional(), callId: z.string().optional() });
const Response = z.object({ output: z.array(StoredItem) });
const Result = z.object({ item: StoredItem });
const Call = z.object({ tool: z.string(), opId: z.string() });

/** A tool call of the model that the journal has no result for. */
export interface OpenCall {
  readonly callId: string;
  readonly kind: 'function_call' | 'apply_patch_call';
  readonly tool: string;
  /** Null when it was never begun. */
  readonly opId: string | null;
  /** What a patch is to do. */
  readonly operation?: unknown;
}

const RESULT_TYPES = new Set(['function_call_result', 'apply_patch_call_output']);

// What is stored came from the SDK's own types and went through JSON unchanged.
const asItem = (item: z.infer<typeof StoredItem>) => item as AgentInputItem;

export const responseEntry = (output: readonly unknown[], usage: unknown): JournalEntry => ({
  kind: 'response',
  body: { output, usage },
});

export const callEntry = (callId: string, tool: string, opId: string): JournalEntry => ({
  kind: 'call',
  callId,
  body: { tool, opId },
});

export const resultEntry = (callId: string, item: AgentInputItem): JournalEntry => ({
  kind: 'result',
  callId,
  body: { item },
});

/** What a tool said, for the kind of call that it answers. */
export function resultItem(
  { callId, kind, tool }: Pick<OpenCall, 'callId' | 'kind' | 'tool'>,
  output: string,
  status: 'completed' | 'incomplete' | 'failed' = 'completed',
): AgentInputItem {
  if (kind === 'function_call') {
    const told = status === 'failed' ? 'completed' : status;
    return { type: 'function_call_result', name: tool, callId, status: told, output };
  }
  return {
    type: 'apply_patch_call_output',
    callId,
    status: status === 'completed' ? 'completed' : 'failed',
    output,
  };
}

/** Whether an item of a model's input is a tool's answer, and to which call. */
export function answeredCall(item: AgentInputItem): string | null {
  const parsed = StoredItem.safeParse(item);
  if (!parsed.success || !RESULT_TYPES.has(parsed.data.type ?? '')) return null;
  return parsed.data.callId ?? null;
}

/** The conversation so far. Every call has its result once `openCalls` were answered. */
export function conversationOf(journal: readonly JournalRecord[]): AgentInputItem[] {
  const items: AgentInputItem[] = [];
  const results = new Map<string, AgentInputItem>();
  for (const record of journal) {
    if (record.kind === 'result') results.set(record.callId, asItem(Result.parse(record.body).item));
  }
  for (const record of journal) {
    if (record.kind === 'input') items.push({ role: 'user', content: record.body.text });
    if (record.kind !== 'response') continue;
    const { output } = Response.parse(record.body);
    items.push(...output.map(asItem));
    // Directly behind the calls, whatever was said while they ran: models expect it there.
    for (const { callId } of callsIn(output)) {
      const result = results.get(callId);
      if (result !== undefined) items.push(result);
    }
  }
  return items;
}

/** Calls without a result, in order. */
export function openCalls(journal: readonly JournalRecord[]): readonly OpenCall[] {
  const begun = new Map<string, string>();
  const answered = new Set<string>();
  const calls: OpenCall[] = [];
  for (const record of journal) {
    if (record.kind === 'response') calls.push(...callsIn(Response.parse(record.body).output));
    if (record.kind === 'call') begun.set(record.callId, Call.parse(record.body).opId);
    if (record.kind === 'result') answered.add(record.callId);
  }
  return calls
    .filter(({ callId }) => !answered.has(callId))
    .map((call) => ({ ...call, opId: begun.get(call.callId) ?? null }));
}

/** The calls that an answer of the model makes, none of them begun. */
export function callsIn(output: readonly unknown[]): readonly OpenCall[] {
  return output.flatMap((one): readonly OpenCall[] => {
    const parsed = StoredItem.safeParse(one);
    if (!parsed.success || parsed.data.callId === undefined) return [];
    const { data: item } = parsed;
    const { callId = '' } = item;
    if (item.type === 'function_call') {
      return [{ callId, kind: item.type, tool: z.string().parse(item.name), opId: null }];
    }
    if (item.type === 'apply_patch_call') {
      return [{ callId, kind: item.type, tool: 'apply_patch', opId: null, operation: item.operation }];
    }
    return [];
  });
}
