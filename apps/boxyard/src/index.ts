export type { Logger } from '@boxyard/server-parts';
export { createLogger } from './server/logger.ts';
export type { RunningServer, StartServerOptions } from './server/start-server.ts';
export { startServer } from './server/start-server.ts';
