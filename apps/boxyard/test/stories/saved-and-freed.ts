import { BoxyardError, type BoxyardSession } from '@boxyard/client';
import { eventually } from '@tooling/eventually';

/** Without force: only once nothing keeps the box, which is a moment after the last answer. */
export const savedAndFreed = (session: BoxyardSession): Promise<unknown> =>
  eventually('a box that nothing keeps', () =>
    session.pause().catch((error: unknown) => {
      if (BoxyardError.hasCode(error, 'conflict')) return null;
      throw error;
    }),
  );
