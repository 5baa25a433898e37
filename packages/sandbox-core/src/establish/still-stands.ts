import type { Box } from '../box.ts';
import type { Provider } from '../provider.ts';

/**
 * Whether a box is there after all, of which something failed as if it were gone. A command that was killed is gone too
 * and says nothing of its box: only the provider does. Whoever took a box that stands for a lost one would put an
 * archive in the place of files that are newer, or drop those that nobody has yet.
 *
 * @param resume Opens the box anew.
 * @throws what `resume` throws when that proves neither.
 */
export async function stillStands(
  provider: Pick<Provider, 'isGone'>,
  resume: () => Promise<Box>,
): Promise<boolean> {
  try {
    const box = await resume();
    await box.close().catch(() => {});
    return true;
  } catch (error) {
    if (provider.isGone(error)) return false;
    throw error;
  }
}
