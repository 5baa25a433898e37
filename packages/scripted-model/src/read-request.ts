// The conversation as the Responses protocol sends it: the whole of it, with every question.
import { z } from 'zod';
import type { ScriptedRequest, ToolAnswer } from './script.ts';

const Part = z.looseObject({
  type: z.string().optional(),
  text: z.string().optional(),
  image_url: z.string().nullish(),
});
const Item = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  content: z.union([z.string(), z.array(Part)]).optional(),
  call_id: z.string().optional(),
  output: z.unknown().optional(),
});
type Item = z.infer<typeof Item>;

/** What of a request is read; everything else of the protocol is accepted and left alone. */
export const ResponsesRequest = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(Item)]),
  instructions: z.string().nullish(),
  stream: z.boolean().nullish(),
  tools: z.array(z.looseObject({ type: z.string(), name: z.string().optional() })).nullish(),
});
export type ResponsesRequest = z.infer<typeof ResponsesRequest>;

const TOOL_ANSWERS = new Set(['function_call_output', 'apply_patch_call_output', 'shell_call_output']);

export function readRequest({ model, input, instructions, tools }: ResponsesRequest): ScriptedRequest {
  const items: readonly Item[] =
    typeof input === 'string' ? [{ type: 'message', role: 'user', content: input }] : input;
  const lastAnswer = items.findLastIndex(isOfModel);
  return {
    model,
    userMessages: items.filter((item) => item.role === 'user').map((item) => textOf(item.content)),
    step: answersIn(items),
    toolAnswers: toolAnswers(items.slice(lastAnswer + 1)),
    allToolAnswers: toolAnswers(items),
    tools: (tools ?? []).map((tool) => tool.name ?? tool.type),
    instructions: instructions ?? '',
  };
}

function isOfModel(item: Item): boolean {
  return item.role === 'assistant' || (item.role === undefined && !TOOL_ANSWERS.has(item.type ?? ''));
}

/** Items of one answer stand together: a new answer begins where somebody else spoke in between. */
function answersIn(items: readonly Item[]): number {
  return items.filter((item, index) => isOfModel(item) && !(index > 0 && isOfModel(items[index - 1] as Item)))
    .length;
}

function toolAnswers(items: readonly Item[]): readonly ToolAnswer[] {
  return items
    .filter((item) => TOOL_ANSWERS.has(item.type ?? ''))
    .map((item) => ({
      callId: item.call_id ?? '',
      text: textOf(item.output),
      images: imagesOf(item.output),
    }));
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return partsOf(content)
    .map((part) => part.text ?? '')
    .join('');
}

const imagesOf = (content: unknown): readonly string[] =>
  partsOf(content).flatMap(({ image_url }) => image_url ?? []);

function partsOf(content: unknown): readonly z.infer<typeof Part>[] {
  const parts = z.array(Part).safeParse(Array.isArray(content) ? content : [content]);
  return parts.success ? parts.data : [];
}
