export type { ActiveBox, ActiveBoxesOptions, BoxHolder, OpenBoxOptions } from './active-boxes.ts';
export { ActiveBoxes, BOX_OPEN_STAGE } from './active-boxes.ts';
export type { SwapCall } from './box-swap.ts';
export { type Failure, failureOf } from './failure.ts';
export type { RetentionOptions, RetentionSettings } from './retention.ts';
export { DEFAULT_RETENTION, Retention } from './retention.ts';
export type { SessionPage, SessionServiceOptions } from './session-service.ts';
export { SessionService } from './session-service.ts';
export { describeSession } from './session-view.ts';
