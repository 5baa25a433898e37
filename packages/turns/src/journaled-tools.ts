// Tools that leave a mark before they begin and another one when they are through, so that whoever goes on after a
// crash knows which of them may have done something.
import type { AgentInputItem, ApplyPatchTool, FunctionTool, Tool } from '@openai/agents';
import { inCall, opIdOf } from './call-scope.ts';
import { resultItem } from './journal-items.ts';

export interface ToolJournal {
  readonly turnId: string;
  /** Tools whose calls wait for a person. */
  readonly approvals: readonly string[];
  began(callId: string, tool: string, given: string, opId: string): Promise<void>;
  /** With the item that the model will be told, where it is known already: it is stored before it is told. */
  ended(callId: string, tool: string, output: string, item: AgentInputItem | null): void;
  /** The next open call that asks for this patch; the SDK does not say which one it is working on. */
  patchCall(operation: unknown): string | null;
  /** What the model may read of what a tool said. */
  shown(output: string): string;
  /** Work that a turn which is to stop waits for a moment: what it says is kept. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

/** For `configureTools` of the SDK's capabilities, and for tools of our own. */
export function journaledTools(tools: readonly Tool[], journal: ToolJournal): Tool[] {
  return tools.map((tool) => {
    if (tool.type === 'function') return journaledFunction(tool, journal);
    if (tool.type === 'apply_patch') return journaledPatch(tool, journal);
    return tool;
  });
}

function journaledFunction(tool: FunctionTool, journal: ToolJournal): FunctionTool {
  return {
    ...tool,
    needsApproval: async (...args) =>
      journal.approvals.includes(tool.name) || (await tool.needsApproval(...args)),
    invoke: async (context, input, details) => {
      const callId = details?.toolCall?.callId;
      // Without its id nobody could tell what became of it.
      if (callId === undefined) throw new Error(`The SDK called ${tool.name} without the id of the call.`);
      const opId = opIdOf(journal.turnId, callId);
      const call = { callId, kind: 'function_call', tool: tool.name } as const;
      return journal.during(async () => {
        await journal.began(callId, tool.name, input, opId);
        const said: unknown = await inCall({ callId, opId }, () => tool.invoke(context, input, details));
        const output = typeof said === 'string' ? journal.shown(said) : said;
        const isText = typeof output === 'string';
        const text = isText ? output : describeOutput(output);
        // What is more than text becomes an item only in the SDK; it is found in the next question to the model.
        journal.ended(callId, tool.name, text, isText ? resultItem(call, output) : null);
        return output;
      });
    },
  };
}

type PatchResult = Awaited<ReturnType<ApplyPatchTool['editor']['createFile']>>;

function journaledPatch(tool: ApplyPatchTool, journal: ToolJournal): ApplyPatchTool {
  const { editor } = tool;
  const around = async (operation: unknown, work: () => PatchResult | Promise<PatchResult>) => {
    const callId = journal.patchCall(operation);
    if (callId === null) throw new Error('The patch was not begun: no answer of the model asks for it.');
    const call = { callId, kind: 'apply_patch_call', tool: tool.name } as const;
    const ended = (output: string, status: 'completed' | 'failed') =>
      journal.ended(callId, tool.name, output, resultItem(call, output, status));
    return journal.during(async () => {
      await journal.began(callId, tool.name, JSON.stringify(operation), opIdOf(journal.turnId, callId));
      const done = await Promise.resolve(work()).then(
        (result) => ({ result }),
        (error: unknown) => ({ error }),
      );
      if ('error' in done) {
        ended(done.error instanceof Error ? done.error.message : String(done.error), 'failed');
        throw done.error;
      }
      ended(done.result?.output ?? '', done.result?.status ?? 'completed');
      return done.result;
    });
  };
  return {
    ...tool,
    needsApproval: async (...args) =>
      journal.approvals.includes(tool.name) || (await tool.needsApproval(...args)),
    editor: {
      createFile: (operation, context) => around(operation, () => editor.createFile(operation, context)),
      updateFile: (operation, context) => around(operation, () => editor.updateFile(operation, context)),
      deleteFile: (operation, context) => around(operation, () => editor.deleteFile(operation, context)),
    },
  };
}

function describeOutput(output: unknown): string {
  if (typeof output === 'object' && output !== null && 'type' in output) return `(${String(output.type)})`;
  return JSON.stringify(output) ?? '';
}
