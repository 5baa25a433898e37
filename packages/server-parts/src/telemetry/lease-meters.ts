import type { LeaseNotice } from '@boxyard/leases';
import type { Meters } from './meters.ts';

/** Counts what happens to boxes. */
export function meterLeaseNotice(meters: Meters, notice: LeaseNotice): void {
  switch (notice.type) {
    case 'transition':
      meters.count('boxyard_lease_transitions_total', { from: notice.from, to: notice.to });
      break;
    case 'spawned':
      meters.count('boxyard_boxes_made_total', { outcome: notice.origin });
      if (notice.receipt !== null) meters.count('boxyard_restores_total', { kind: notice.receipt.kind });
      break;
    case 'spawn-failed':
      meters.count('boxyard_boxes_made_total', { outcome: 'failed' });
      break;
    case 'captured':
      meters.count('boxyard_captures_total', { outcome: 'done' });
      meters.count('boxyard_captured_bytes_total', {}, notice.sizeBytes);
      break;
    case 'capture-failed':
      meters.count('boxyard_captures_total', { outcome: 'failed' });
      break;
    case 'destroyed':
      meters.count('boxyard_boxes_destroyed_total', { outcome: 'done' });
      break;
    case 'destroy-failed':
      meters.count('boxyard_boxes_destroyed_total', { outcome: 'failed' });
      break;
    case 'swept':
      meters.count('boxyard_boxes_swept_total');
      break;
    case 'holder-lost':
      meters.count('boxyard_holders_lost_total');
      break;
    case 'trouble':
      meters.count('boxyard_background_failures_total', { stage: notice.stage });
      break;
    case 'stopped':
      // Its transitions and its capture were told by themselves.
      break;
  }
}
