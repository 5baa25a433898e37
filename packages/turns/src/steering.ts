// Messages that come while the model works are put into its next question. The SDK builds every question of a run
// from the run's first input, so what was put in once has to be put in again at the same place. Not by the filter that
// the SDK offers for it, which copies and compares the whole conversation several times for each question.
import type { AgentInputItem } from '@openai/agents';
import { z } from 'zod';

const Said = z.object({
  /** How many items of the SDK's own stood before it. */
  behind: z.int().nonnegative(),
  text: z.string(),
});
export const SteeredMessages = z.array(Said);
/** In the order in which they were said. */
export type SteeredMessages = z.infer<typeof SteeredMessages>;

/** @param input What the SDK would ask with. What was said comes at the places where it was said. */
export function steered(input: readonly AgentInputItem[], said: SteeredMessages): AgentInputItem[] {
  const items: AgentInputItem[] = [];
  let from = 0;
  for (const { behind, text } of said) {
    items.push(...input.slice(from, behind), { role: 'user', content: text });
    from = behind;
  }
  return [...items, ...input.slice(from)];
}
