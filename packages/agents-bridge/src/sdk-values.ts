// The one file that takes values from the SDK. `sandbox/internal` is not versioned, and the other sandbox entries
// load the whole agent loop: everything else here imports types only.
export {
  deserializeManifest,
  formatExecResponse,
  imageOutputFromBytes,
  MAX_VIEW_IMAGE_BYTES,
  mergeManifestDelta,
  mergeManifestEntryDelta,
  toUint8Array,
  truncateOutput,
  withExclusiveSandboxManifestMutation,
} from '@openai/agents-core/sandbox/internal';
export { applyDiff } from '@openai/agents-core/utils';
