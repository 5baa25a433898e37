export type { Logger } from './server/logger.ts';
export { createLogger } from './server/logger.ts';
export type { RunningServer, StartServerOptions } from './server/start-server.ts';
export { startServer } from './server/start-server.ts';
export { renderMetricsPage } from './server/telemetry/metrics-page.ts';
