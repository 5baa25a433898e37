export { SwapSandboxRequest, SwapSandboxResponse, SwapTarget } from './active-sandbox.ts';
export {
  AUDIT_ACTIONS,
  AuditAction,
  AuditActor,
  AuditEntry,
  AuditList,
  AuditOutcome,
  AuditQuery,
} from './audit.ts';
export { BACKENDS, Backend, BackendDescriptor, OperatingSystem } from './backend-descriptor.ts';
export { CanaryReport, CanaryResult } from './canary.ts';
export { CapabilityDocument, CapabilityReason, VIEWER_HEARTBEAT_INTERVAL_MS } from './capability-document.ts';
export { ContentEncoding } from './content-encoding.ts';
export {
  ApproveEnrollmentRequest,
  CreatedEnrollmentToken,
  CreateEnrollmentTokenRequest,
  Enrollment,
  EnrollmentList,
  ExchangeEnrollmentTokenRequest,
  MachineArchitecture,
  MachineCredentials,
  MachinePublicKey,
  PendingEnrollment,
  PollEnrollmentRequest,
  PolledEnrollment,
  RefreshEnrollmentRequest,
  RefreshedEnrollment,
  StartEnrollmentRequest,
  StartedEnrollment,
  UserCode,
  UserCodeRequest,
} from './enrollment.ts';
export { Environment, EnvironmentName } from './environment.ts';
export { FsArchiveQuery, FsArchiveResponse, FsContentQuery, FsContentResponse } from './file-streams.ts';
export {
  Etag,
  FsDeleteRequest,
  FsDeleteResponse,
  FsEntry,
  FsListRequest,
  FsListResponse,
  FsMkdirRequest,
  FsMkdirResponse,
  FsMoveRequest,
  FsMoveResponse,
  FsReadRequest,
  FsReadResponse,
  FsStatRequest,
  FsStatResponse,
  FsTreeNode,
  FsWatchEvent,
  FsWatchRequest,
  FsWriteRequest,
  FsWriteResponse,
} from './files.ts';
export {
  GitBlob,
  GitCommit,
  GitDiffFile,
  GitDiffHunk,
  GitDiffLine,
  GitDiffRequest,
  GitDiffResponse,
  GitLogRequest,
  GitLogResponse,
  GitPerson,
  GitShowRequest,
  GitShowResponse,
  GitStatusCode,
  GitStatusFile,
  GitStatusRequest,
  GitStatusResponse,
} from './git.ts';
export { GitRevision } from './git-ref.ts';
export {
  GitSource,
  GitSourceRequest,
  GitUrl,
  SetSourceTokenRequest,
  SourceTokenPlace,
} from './git-source.ts';
export { Health, Readiness } from './health.ts';
export { Id, IdempotencyKey, Uuid, WorkspaceRef, WorkspaceSlug } from './identifiers.ts';
export { CreatedKey, CreateKeyRequest, Key, KeyList } from './key.ts';
export { Liveness } from './liveness.ts';
export {
  Machine,
  MachineCapabilities,
  MachineList,
  MachineLiveness,
  MachineMetrics,
  MachineMetricsHistory,
} from './machine.ts';
export { Metadata, MetadataKey } from './metadata.ts';
export {
  Op,
  OpKillRequest,
  OpList,
  OpStdinRequest,
  OpStreamId,
  OpStreamMessage,
  OpStreamQuery,
} from './op.ts';
export { PageQuery, pageOf } from './page.ts';
export { PERMISSIONS, Permission } from './permission.ts';
export { ExposedPort, Port, PortParam } from './port.ts';
export { PROBLEM_STATUS, Problem, ProblemCode } from './problem.ts';
export {
  Pty,
  PtyCloseRequest,
  PtyExitReason,
  PtyList,
  PtyOpenRequest,
  PtyOpenResponse,
  PtyResizeRequest,
  PtyStreamMessage,
  PtyTransport,
  PtyWriteRequest,
} from './pty.ts';
export { RestoreReceipt } from './restore-receipt.ts';
export { Revision, Revisioned } from './revision.ts';
export type { RouteAudit } from './route-audit.ts';
export { ROUTE_AUDIT } from './route-audit.ts';
export type { Route, RouteGrant } from './route-permissions.ts';
export { ROUTE_PERMISSIONS } from './route-permissions.ts';
export { CreateSessionRequest, PauseSessionRequest, Resources, Session, SessionList } from './session.ts';
export type { SessionEventDraft, SessionEventOf, SessionEventType } from './session-event.ts';
export { EVENT_PERMISSIONS, SessionEvent, SessionEventList, SessionEventQuery } from './session-event.ts';
export { StopCause } from './stop-cause.ts';
export { SweepReport, SweepRequest, SweepVerdict } from './sweep.ts';
export { TerminalExecRequest, TerminalExecResponse } from './terminal-exec.ts';
export { Timestamp } from './timestamp.ts';
export {
  Approval,
  DecideApprovalRequest,
  PostedMessage,
  PostMessageRequest,
  Turn,
  TurnError,
  TurnStatus,
  TurnUsage,
} from './turn.ts';
export { SessionUsage, SetBudgetRequest, UsageQuery, WorkspaceBudget, WorkspaceUsage } from './usage.ts';
export { CreateWorkspaceRequest, Workspace, WorkspaceList } from './workspace.ts';
export { WorkspacePath } from './workspace-path.ts';
