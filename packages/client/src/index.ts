export { BoxyardClient } from './boxyard-client.ts';
export type { BoxyardErrorOptions, Started } from './boxyard-error.ts';
export { BoxyardError } from './boxyard-error.ts';
export { BoxyardSession } from './boxyard-session.ts';
export type { CallOptions } from './call-options.ts';
export type { CommandExit, CommandOutput, OutputOptions } from './command.ts';
export { Command } from './command.ts';
export type { ClientOptions } from './create-client.ts';
export { createClient } from './create-client.ts';
export { Download } from './download.ts';
export {
  AuditRoutes,
  CommandsRoutes,
  EventsRoutes,
  FilesRoutes,
  GitRoutes,
  KeysRoutes,
  PortsRoutes,
  ServerGroups,
  ServerRoutes,
  SessionGroups,
  SessionsRoutes,
  TerminalsRoutes,
  WorkspaceGroups,
  WorkspacesRoutes,
} from './generated/route-groups.ts';
export { ROUTES } from './generated/route-table.ts';
export type {
  AuditAction,
  AuditActor,
  AuditEntry,
  AuditList,
  AuditOutcome,
  Backend,
  CanaryReport,
  CanaryResult,
  CapabilityDocument,
  CapabilityReason,
  ContentEncoding,
  CreatedKey,
  CreateKeyRequest,
  CreateSessionRequest,
  CreateWorkspaceRequest,
  Environment,
  EnvironmentName,
  Etag,
  ExposedPort,
  FsArchiveResponse,
  FsContentResponse,
  FsDeleteRequest,
  FsDeleteResponse,
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
  GitRevision,
  GitShowRequest,
  GitShowResponse,
  GitSource,
  GitSourceRequest,
  GitStatusCode,
  GitStatusFile,
  GitStatusRequest,
  GitStatusResponse,
  GitUrl,
  Health,
  Id,
  Key,
  KeyList,
  Liveness,
  Metadata,
  MetadataKey,
  Op,
  OperatingSystem,
  OpKillRequest,
  OpList,
  OpStdinRequest,
  OpStreamMessage,
  PauseSessionRequest,
  Permission,
  Port,
  Problem,
  ProblemCode,
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
  Readiness,
  Resources,
  ResponseProblem,
  RestoreReceipt,
  Revision,
  Session,
  SessionEvent,
  SessionEventList,
  SessionList,
  StopCause,
  TerminalExecRequest,
  TerminalExecResponse,
  Timestamp,
  Uuid,
  Workspace,
  WorkspaceList,
  WorkspacePath,
  WorkspaceSlug,
} from './generated/schemas.ts';
export type { Bytes, RequestContent } from './request-content.ts';
export type { Route } from './route.ts';
export { RouteGroup } from './route-group.ts';
export type { ExecOptions, ExecResult, StartOptions } from './run-command.ts';
export type { ServerSentMessage } from './server-sent-events.ts';
export { EventStream } from './server-sent-events.ts';
export type { FollowOptions } from './session-events.ts';
export { SessionEvents } from './session-events.ts';
export type { ChangesOptions, DownloadOptions, UploadOptions } from './session-files.ts';
export { SessionFiles } from './session-files.ts';
export type { CreateOptions, ListOptions } from './sessions.ts';
export { Sessions } from './sessions.ts';
export type { TerminalOutput } from './terminal.ts';
export { Terminal } from './terminal.ts';
