export type { RunningWorker, StartWorkerOptions } from './start-worker.ts';
export { startWorker } from './start-worker.ts';
