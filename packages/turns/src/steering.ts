// Messages that come while the model works are put into its next question. The SDK builds every question of a run
// from the run's first input, so what was put in once has to be put in again at the same place.
import type { AgentInputItem, CallModelInputFilter } from '@openai/agents';
import { z } from 'zod';

const Said = z.object({
  /** How many items of the SDK's own stood before it. */
  behind: z.int().nonnegative(),
  text: z.string(),
});
export const SteeredMessages = z.array(Said);
/** In the order in which they were said. */
export type SteeredMessages = z.infer<typeof SteeredMessages>;

/**
 * @param said What was said in this run so far; new messages are added to it.
 * @param take New messages, each answered once.
 */
export function steeringFilter(
  said: SteeredMessages,
  take: () => Promise<readonly string[]>,
): CallModelInputFilter {
  return async ({ modelData }) => {
    const { input } = modelData;
    for (const text of await take()) said.push({ behind: input.length, text });
    const items: AgentInputItem[] = [];
    let from = 0;
    for (const { behind, text } of said) {
      items.push(...input.slice(from, behind), { role: 'user', content: text });
      from = behind;
    }
    return { ...modelData, input: [...items, ...input.slice(from)] };
  };
}
