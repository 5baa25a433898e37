import { z } from 'zod';

/** How bytes stand in JSON. */
export const ContentEncoding = z.enum(['utf8', 'base64']);
export type ContentEncoding = z.infer<typeof ContentEncoding>;
