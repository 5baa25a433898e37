export type { ArchiveItem, FileReading } from './archive/archive-item.ts';
export type { ArchiveLimits } from './archive/archive-limits.ts';
export { DEFAULT_ARCHIVE_LIMITS } from './archive/archive-limits.ts';
export type { ArchiveManifest, ManifestEntry } from './archive/archive-manifest.ts';
export type { ManifestComparison } from './archive/compare-manifests.ts';
export { compareManifests } from './archive/compare-manifests.ts';
export type { PackArchiveOptions } from './archive/pack-archive.ts';
export { packArchive } from './archive/pack-archive.ts';
export type { ArchiveMember, ReadArchive, ReadArchiveOptions } from './archive/read-archive.ts';
export { readArchive } from './archive/read-archive.ts';
export type { BackpressureSource } from './backpressure-queue.ts';
export { BackpressureQueue } from './backpressure-queue.ts';
export type { Box, BoxRef } from './box.ts';
export type { BoxArchives, PackedArchive, PackOptions, UnpackOptions, UnpackReport } from './box-archives.ts';
export type {
  BoxAttach,
  BoxCapabilities,
  BoxDesktop,
  BoxPorts,
  BoxWatch,
  Capability,
  ExposedPort,
  FileChange,
  WatchOptions,
} from './box-capabilities.ts';
export { available, unavailable } from './box-capabilities.ts';
export type {
  AppendableFiles,
  BoxFiles,
  FileEntry,
  FileKind,
  FileRange,
  OpenedFile,
  WriteOptions,
  WrittenFile,
} from './box-files.ts';
export type {
  BoxProcess,
  ExecRequest,
  ExecResult,
  ExitStatus,
  OutputCursor,
  OutputEvent,
  ProcessId,
  Program,
  SpawnRequest,
} from './box-process.ts';
export { OUTPUT_START } from './box-process.ts';
export type { BoxTerminal, BoxTerminals, TerminalRequest } from './box-terminal.ts';
export { InProcessBus } from './bus/in-process-bus.ts';
export { TopicCallbacks } from './bus/topic-callbacks.ts';
export type { Bytes, CallOptions, SessionFence } from './call-options.ts';
export { DEFAULT_DEADLINE_MS } from './call-options.ts';
export type { BackendRegistry } from './capability/backend-registry.ts';
export { createBackendRegistry, desktopCapableBackend } from './capability/backend-registry.ts';
export { BACKEND_TABLE } from './capability/backend-table.ts';
export { descriptorFaults } from './capability/descriptor-invariants.ts';
export type { MachineLiveness, MachineSighting, MachineState } from './capability/machine-overlay.ts';
export { MACHINE_RECONNECT_WINDOW_MS, machineLiveness } from './capability/machine-overlay.ts';
export type { DesktopTicket, NegotiationInput, StreamTicket } from './capability/negotiation.ts';
export { isAcknowledged, negotiateCapabilities } from './capability/negotiation.ts';
export type { BoundedCall } from './deadline/bounded.ts';
export { bounded, throwIfAborted } from './deadline/bounded.ts';
export type { IterateOptions } from './deadline/bounded-iterable.ts';
export { boundedIterable } from './deadline/bounded-iterable.ts';
export { streamBlocks, streamChunks } from './deadline/stream-chunks.ts';
export { BoxEnvelope, boxOfEnvelope, envelopeOfBox } from './establish/envelope.ts';
export type { EstablishedBox, EstablishRequest } from './establish/establish.ts';
export { establish } from './establish/establish.ts';
export { isGoneError, isGoneText } from './establish/gone.ts';
export { stillStands } from './establish/still-stands.ts';
export { checkRelativePath, joinPath, splitPath } from './jail/relative-path.ts';
export type {
  BoxToDestroy,
  Holder,
  HolderKey,
  HolderKind,
  Lease,
  LeaseFailure,
  LeaseState,
} from './lease/lease.ts';
export { coldLease, HOLDER_KINDS, isDirty, isKeeper, LEASE_STATES, leaseDueAtMs } from './lease/lease.ts';
export type {
  LeaseEvent,
  LeaseEvents,
  LeaseEventType,
  LeaseOutcomes,
  LeaseTransition,
  Spawn,
  Terminate,
} from './lease/lease-event.ts';
export type { LeaseSettings } from './lease/lease-settings.ts';
export { DEFAULT_LEASE_SETTINGS } from './lease/lease-settings.ts';
export type { ActivePointer, SwapOutcome } from './lease/swap-pointer.ts';
export { swapPointer } from './lease/swap-pointer.ts';
export { transitionLease } from './lease/transition-lease.ts';
export { usedUpText } from './lease/used-up-text.ts';
export { checkPort } from './port-number.ts';
export type { Artifact, ArtifactLedger, ArtifactState, ArtifactToStore } from './ports/artifact-ledger.ts';
export { ARTIFACT_STATES } from './ports/artifact-ledger.ts';
export type { AuditLog, ListAuditQuery, NewAuditEntry, StoredAuditEntry } from './ports/audit-log.ts';
export type { BlobCall, BlobStore, ListedBlob, StoredBlob } from './ports/blob-store.ts';
export type { Bus } from './ports/bus.ts';
export type { ChangeJournal } from './ports/change-journal.ts';
export type { Clock } from './ports/clock.ts';
export { systemClock } from './ports/clock.ts';
export type {
  DeviceGrant,
  DeviceGrantChange,
  EnrollmentRecord,
  EnrollmentRefresh,
  EnrollmentStore,
  MachineDescription,
  NewEnrollment,
  StoredDeviceGrant,
  TokenExchange,
} from './ports/enrollment-store.ts';
export type { AppendOptions, EventAudience, EventLog, LoggedEvent, NewEvent } from './ports/event-log.ts';
export type { HostCalls, JoinedHost } from './ports/host-calls.ts';
export type { IdempotencyClaim, IdempotencyState, IdempotencyStore } from './ports/idempotency-store.ts';
export type { KeyRecord, KeyStore } from './ports/key-store.ts';
export type {
  CondemnedBox,
  DecideLease,
  JoinHolder,
  LeaseDecision,
  LeaseStore,
} from './ports/lease-store.ts';
export type {
  MachineBeat,
  MachineHello,
  MachineRegistry,
  MachineSpeaker,
  RegisteredMachine,
} from './ports/machine-registry.ts';
export { MACHINE_METRICS_KEPT_MS } from './ports/machine-registry.ts';
export type { OpRecord, OpResult, OpStore, ToldOutput } from './ports/op-store.ts';
export type { PointerStore, PointerSwap, SwapRequest } from './ports/pointer-store.ts';
export type { KnownPty, PtyRecord, PtyRecordEnd, PtyRegistry } from './ports/pty-registry.ts';
export { HOST_BEAT_MS, HOST_SILENT_MS, PTY_END_KEPT_MS } from './ports/pty-registry.ts';
export type {
  BoxGroup,
  ListSessionsQuery,
  SessionRecord,
  SessionStore,
  SessionWithGroup,
} from './ports/session-store.ts';
export { activeGroupId } from './ports/session-store.ts';
export type {
  ApprovalDecision,
  ApprovalRecord,
  AttemptSignals,
  ClaimedTurn,
  JournalEntry,
  JournalRecord,
  PostedMessage,
  TurnAttempt,
  TurnError,
  TurnLimits,
  TurnRecord,
  TurnStatus,
  TurnStore,
  TurnUsage,
} from './ports/turn-store.ts';
export { TURN_STATUSES } from './ports/turn-store.ts';
export type { UsageInterval, UsageStore, UsageWindow, WorkspaceBudget } from './ports/usage-store.ts';
export type { WorkspaceRecord, WorkspaceStore } from './ports/workspace-store.ts';
export type { ProcessIdentity, ProcessStat } from './process-identity.ts';
export { isAlive, readProcessStat } from './process-identity.ts';
export type {
  BoxResources,
  BoxTag,
  BoxWish,
  CreateBoxRequest,
  ListedBox,
  Provider,
  ResumeBoxOptions,
} from './provider.ts';
export { defineProvider } from './provider.ts';
export type { SandboxErrorCode, SandboxErrorOptions, Started } from './sandbox-error.ts';
export { SANDBOX_ERROR_CODES, SandboxError } from './sandbox-error.ts';
export { deriveKey } from './secret/derived-key.ts';
export type { RedactionStream, Redactor } from './secret/redactor.ts';
export { createRedactor, REDACTED } from './secret/redactor.ts';
export type { Sealer } from './secret/sealer.ts';
export { createSealer } from './secret/sealer.ts';
export { MIN_SECRET_LENGTH } from './secret/secret-forms.ts';
export type { ChildChannelOptions } from './shell/child-channel.ts';
export { openChildChannel } from './shell/child-channel.ts';
export type { CheckedCommand } from './shell/command-request.ts';
export { checkCommand, checkEnvironment, checkProcessId } from './shell/command-request.ts';
export { EpochFence, fenced, fenceWords, movedOn } from './shell/epoch-fence.ts';
export { FolderSpool } from './shell/folder-spool.ts';
export { checkMaxOutput, collectOutput } from './shell/op-collect.ts';
export type { OpRecord as SpooledOp } from './shell/op-record.ts';
export { OpWatch } from './shell/op-watch.ts';
export type { RunnerProbe } from './shell/runner-links.ts';
export { closedHandle } from './shell/runner-links.ts';
export type { OpenShellChannel, ShellChannel } from './shell/shell-channel.ts';
export type { ShellReply } from './shell/shell-frames.ts';
export { ShellLink } from './shell/shell-link.ts';
export type { ProcessHost } from './shell/shell-process.ts';
export { ShellProcess } from './shell/shell-process.ts';
export type { ShellRunnerOptions } from './shell/shell-runner.ts';
export { ShellRunner } from './shell/shell-runner.ts';
export type { FeedOutcome, OutputWish, Spool, SpoolChannel } from './shell/spool.ts';
export type { SpoolUsage } from './shell/spool-budget.ts';
export { startFailure } from './shell/start-failure.ts';
export { READ_ARGUMENTS, START_SCRIPT } from './shell/start-script.ts';
export { quote } from './shell-quote.ts';
export { traced } from './telemetry/traced.ts';
export { checkTerminalSize } from './terminal-size.ts';
export { isSameSecret } from './token/is-same-secret.ts';
export type { MachineTokenClaims, MachineTokenKind } from './token/machine-token.ts';
export {
  deriveTokenSecret,
  EnrollmentTokenClaims,
  MachineBearerClaims,
  MachineChallengeClaims,
  mintMachineToken,
  openMachineToken,
  RelayTokenClaims,
} from './token/machine-token.ts';
export type { TokenFault } from './token/signed-token.ts';
export { openToken, signToken, tokenRefused } from './token/signed-token.ts';
export type { StreamKind, StreamScope, StreamTokenRequest } from './token/stream-token.ts';
export {
  mintStreamToken,
  STREAM_TOKEN_TTL_MS,
  StreamTokenClaims,
  verifyStreamToken,
} from './token/stream-token.ts';
