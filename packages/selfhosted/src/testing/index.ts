export { InProcessWire, type InProcessWireOptions } from './in-process-wire.ts';
export type { WireFaults } from './wire-faults.ts';
