// Made from the served OpenAPI document by `pnpm run docs`. Not to be edited: the document is the source.
import type { CallOptions } from '../call-options.ts';
import { RouteGroup } from '../route-group.ts';
import type { EventStream } from '../server-sent-events.ts';
import type { RequestContent } from '../request-content.ts';
import type { Transport } from '../transport.ts';
import { ROUTES } from './route-table.ts';
import type { Approval, ApproveEnrollmentRequest, AuditList, CanaryReport, CapabilityDocument, CreateEnrollmentTokenRequest, CreateKeyRequest, CreateSessionRequest, CreateWorkspaceRequest, CreatedEnrollmentToken, CreatedKey, DecideApprovalRequest, Enrollment, EnrollmentList, ExchangeEnrollmentTokenRequest, ExposedPort, FsArchiveResponse, FsContentResponse, FsDeleteRequest, FsDeleteResponse, FsListRequest, FsListResponse, FsMkdirRequest, FsMkdirResponse, FsMoveRequest, FsMoveResponse, FsReadRequest, FsReadResponse, FsStatRequest, FsStatResponse, FsWatchEvent, FsWatchRequest, FsWriteRequest, FsWriteResponse, GitDiffRequest, GitDiffResponse, GitLogRequest, GitLogResponse, GitShowRequest, GitShowResponse, GitStatusRequest, GitStatusResponse, Health, KeyList, MachineCredentials, MachineList, MachineMetricsHistory, Op, OpKillRequest, OpList, OpStdinRequest, OpStreamMessage, PauseSessionRequest, PendingEnrollment, PollEnrollmentRequest, PolledEnrollment, PostMessageRequest, PostedMessage, PtyCloseRequest, PtyList, PtyOpenRequest, PtyOpenResponse, PtyResizeRequest, PtyStreamMessage, PtyWriteRequest, Readiness, RefreshEnrollmentRequest, RefreshedEnrollment, Session, SessionEvent, SessionEventList, SessionList, SessionUsage, SetBudgetRequest, SetSourceTokenRequest, SourceTokenPlace, StartEnrollmentRequest, StartedEnrollment, SwapSandboxRequest, SwapSandboxResponse, SweepReport, SweepRequest, TerminalExecRequest, TerminalExecResponse, Turn, UserCodeRequest, Workspace, WorkspaceBudget, WorkspaceList, WorkspaceUsage } from './schemas.ts';

/** Sessions: what an agent works in. Each has a box, alone or shared. */
export class SessionsRoutes extends RouteGroup<{ readonly ws: string }> {
  /**
   * When the session's box was up and what its model took, this month or in a given time.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/usage`, needs `sessions:read`
   */
  usage(sid: string, query: {
readonly from?: string;
readonly to?: string } = {}, options: CallOptions = {}): Promise<SessionUsage> {
    return this.json(ROUTES["sessions.usage"], { path: { sid }, query, options });
  }

  /**
   * Create a session; its box comes with the first operation unless start is true.
   *
   * `POST /v1/workspaces/{ws}/sessions`, needs `sessions:control`
   */
  create(body: CreateSessionRequest = {}, options: CallOptions & { readonly headers?: { readonly "Idempotency-Key"?: string } } = {}): Promise<Session> {
    return this.json(ROUTES["sessions.create"], { body, options });
  }

  /**
   * List sessions, newest first.
   *
   * `GET /v1/workspaces/{ws}/sessions`, needs `sessions:read`
   */
  list(query: {
readonly cursor?: string;
readonly limit?: number;
/** Any number of metadata.<name>=<value>; all must fit. */
readonly metadata?: Readonly<Record<string, string>> } = {}, options: CallOptions = {}): Promise<SessionList> {
    return this.json(ROUTES["sessions.list"], { query, options });
  }

  /**
   * One session.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}`, needs `sessions:read`
   */
  get(sid: string, options: CallOptions = {}): Promise<Session> {
    return this.json(ROUTES["sessions.get"], { path: { sid }, options });
  }

  /**
   * Delete a session in any state; a box goes with its last session.
   *
   * `DELETE /v1/workspaces/{ws}/sessions/{sid}`, needs `sessions:control`
   */
  delete(sid: string, options: CallOptions = {}): Promise<void> {
    return this.done(ROUTES["sessions.delete"], { path: { sid }, options });
  }

  /**
   * Capture and free the box; the next operation wakes it.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/pause`, needs `sessions:control`
   */
  pause(sid: string, body: PauseSessionRequest = {}, options: CallOptions = {}): Promise<Session> {
    return this.json(ROUTES["sessions.pause"], { path: { sid }, body, options });
  }

  /**
   * Send the session to another box, or home; nothing changes when it fails.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/active-sandbox`, needs `sessions:control`
   */
  swap(sid: string, body: SwapSandboxRequest, options: CallOptions = {}): Promise<SwapSandboxResponse> {
    return this.json(ROUTES["sessions.swap"], { path: { sid }, body, options });
  }

  /**
   * Replace the token of the source, also while an agent works; a box that is up has it a moment later.
   *
   * `PUT /v1/workspaces/{ws}/sessions/{sid}/source-token`, needs `sessions:control`
   */
  setSourceToken(sid: string, body: SetSourceTokenRequest, options: CallOptions = {}): Promise<SourceTokenPlace> {
    return this.json(ROUTES["sessions.setSourceToken"], { path: { sid }, body, options });
  }

  /**
   * What the session can do right now; asking never wakes its box.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/stream-capabilities`, needs `sessions:read`
   */
  capabilities(sid: string, options: CallOptions = {}): Promise<CapabilityDocument> {
    return this.json(ROUTES["sessions.capabilities"], { path: { sid }, options });
  }
}

/** Commands in a box. One belongs to its op and not to the connection that started it. */
export class CommandsRoutes extends RouteGroup<{ readonly ws: string; readonly sid: string }> {
  /**
   * Run a command, or attach to the one of the same opId.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/terminal/exec`, needs `terminal:attach`
   */
  exec(body: TerminalExecRequest, options: CallOptions = {}): Promise<TerminalExecResponse> {
    return this.json(ROUTES["commands.exec"], { body, options });
  }

  /**
   * The commands of a session that are still known.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/ops`, needs `terminal:attach`
   */
  list(options: CallOptions = {}): Promise<OpList> {
    return this.json(ROUTES["commands.list"], { options });
  }

  /**
   * How a command stands.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/ops/{opId}`, needs `terminal:attach`
   */
  get(opId: string, options: CallOptions = {}): Promise<Op> {
    return this.json(ROUTES["commands.get"], { path: { opId }, options });
  }

  /**
   * A command's output from a byte on, while it runs and after, then exactly one end.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/ops/{opId}/stream`, needs `terminal:attach`
   */
  stream(opId: string, query: {
readonly stdoutOffset?: number;
readonly stderrOffset?: number } = {}, options: CallOptions & { readonly headers?: { readonly "Last-Event-ID"?: string } } = {}): Promise<EventStream<OpStreamMessage>> {
    return this.events(ROUTES["commands.stream"], { path: { opId }, query, options });
  }

  /**
   * Write to a command's standard input, or close it.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/ops/{opId}/stdin`, needs `terminal:attach`
   */
  writeStdin(opId: string, body: OpStdinRequest = {}, options: CallOptions = {}): Promise<void> {
    return this.done(ROUTES["commands.writeStdin"], { path: { opId }, body, options });
  }

  /**
   * End a command and everything that it started.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/ops/{opId}/kill`, needs `terminal:attach`
   */
  kill(opId: string, body: OpKillRequest = {}, options: CallOptions = {}): Promise<void> {
    return this.done(ROUTES["commands.kill"], { path: { opId }, body, options });
  }
}

/** The files of the workspace. Paths are relative to it and never lead out of it. */
export class FilesRoutes extends RouteGroup<{ readonly ws: string; readonly sid: string }> {
  /**
   * A folder as a tree of the asked depth.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/fs/list`, needs `files:read`
   */
  list(body: FsListRequest = {}, options: CallOptions = {}): Promise<FsListResponse> {
    return this.json(ROUTES["files.list"], { body, options });
  }

  /**
   * A file, or a part of it, as text or base64.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/fs/read`, needs `files:read`
   */
  read(body: FsReadRequest, options: CallOptions = {}): Promise<FsReadResponse> {
    return this.json(ROUTES["files.read"], { body, options });
  }

  /**
   * One name; a link is described and not followed.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/fs/stat`, needs `files:read`
   */
  stat(body: FsStatRequest, options: CallOptions = {}): Promise<FsStatResponse> {
    return this.json(ROUTES["files.stat"], { body, options });
  }

  /**
   * Replace a file in one step.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/fs/write`, needs `files:write`
   */
  write(body: FsWriteRequest, options: CallOptions = {}): Promise<FsWriteResponse> {
    return this.json(ROUTES["files.write"], { body, options });
  }

  /**
   * Remove a file, a link or a folder.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/fs/delete`, needs `files:write`
   */
  delete(body: FsDeleteRequest, options: CallOptions = {}): Promise<FsDeleteResponse> {
    return this.json(ROUTES["files.delete"], { body, options });
  }

  /**
   * Move or rename.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/fs/move`, needs `files:write`
   */
  move(body: FsMoveRequest, options: CallOptions = {}): Promise<FsMoveResponse> {
    return this.json(ROUTES["files.move"], { body, options });
  }

  /**
   * Make a folder.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/fs/mkdir`, needs `files:write`
   */
  mkdir(body: FsMkdirRequest, options: CallOptions = {}): Promise<FsMkdirResponse> {
    return this.json(ROUTES["files.mkdir"], { body, options });
  }

  /**
   * A stream of changes below a folder; `resync` says that some were lost.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/fs/watch`, needs `files:read`
   */
  watch(body: FsWatchRequest = {}, options: CallOptions = {}): Promise<EventStream<FsWatchEvent>> {
    return this.events(ROUTES["files.watch"], { body, options });
  }

  /**
   * A file's bytes, or a range of them.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/fs/content`, needs `files:read`
   */
  readContent(query: {
readonly path: string }, options: CallOptions & { readonly headers?: { readonly "Range"?: string; readonly "If-Range"?: string; readonly "If-Match"?: string; readonly "If-None-Match"?: string } } = {}): Promise<Response> {
    return this.raw(ROUTES["files.readContent"], { query, options });
  }

  /**
   * Replace a file of any size in one step; a Content-Digest or Repr-Digest of sha-256 is checked first.
   *
   * `PUT /v1/workspaces/{ws}/sessions/{sid}/fs/content`, needs `files:write`
   */
  writeContent(query: {
readonly path: string }, content: RequestContent, options: CallOptions & { readonly headers?: { readonly "If-Match"?: string; readonly "If-None-Match"?: string; readonly "Content-Digest"?: string } } = {}): Promise<FsContentResponse> {
    return this.json(ROUTES["files.writeContent"], { query, content, contentType: "application/octet-stream", options });
  }

  /**
   * A folder as a tar.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/fs/archive`, needs `files:read`
   */
  readArchive(query: {
readonly path?: string } = {}, options: CallOptions = {}): Promise<Response> {
    return this.raw(ROUTES["files.readArchive"], { query, options });
  }

  /**
   * Unpack a tar into a folder; one that is damaged or leads out of it changes nothing.
   *
   * `PUT /v1/workspaces/{ws}/sessions/{sid}/fs/archive`, needs `files:write`
   */
  writeArchive(query: {
readonly path?: string } = {}, content: RequestContent, options: CallOptions = {}): Promise<FsArchiveResponse> {
    return this.json(ROUTES["files.writeArchive"], { query, content, contentType: "application/x-tar", options });
  }
}

/** What git says about a repository in the workspace. */
export class GitRoutes extends RouteGroup<{ readonly ws: string; readonly sid: string }> {
  /**
   * What differs from the last commit, and from upstream.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/git/status`, needs `files:read`
   */
  status(body: GitStatusRequest = {}, options: CallOptions = {}): Promise<GitStatusResponse> {
    return this.json(ROUTES["git.status"], { body, options });
  }

  /**
   * A diff in hunks and lines: of the worktree, of what is staged, or between two refs.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/git/diff`, needs `files:read`
   */
  diff(body: GitDiffRequest = {}, options: CallOptions = {}): Promise<GitDiffResponse> {
    return this.json(ROUTES["git.diff"], { body, options });
  }

  /**
   * Commits, newest first.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/git/log`, needs `files:read`
   */
  log(body: GitLogRequest = {}, options: CallOptions = {}): Promise<GitLogResponse> {
    return this.json(ROUTES["git.log"], { body, options });
  }

  /**
   * A commit with its diff, or a file as of a commit.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/git/show`, needs `files:read`
   */
  show(body: GitShowRequest = {}, options: CallOptions = {}): Promise<GitShowResponse> {
    return this.json(ROUTES["git.show"], { body, options });
  }
}

/** Interactive terminals, which outlive their viewers. */
export class TerminalsRoutes extends RouteGroup<{ readonly ws: string; readonly sid: string }> {
  /**
   * Open a terminal; it lives on when its viewers leave.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/terminal/pty`, needs `terminal:attach`
   */
  open(body: PtyOpenRequest = {}, options: CallOptions = {}): Promise<PtyOpenResponse> {
    return this.json(ROUTES["terminals.open"], { body, options });
  }

  /**
   * The terminals that live.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/terminal/pty`, needs `terminal:attach`
   */
  list(options: CallOptions = {}): Promise<PtyList> {
    return this.json(ROUTES["terminals.list"], { options });
  }

  /**
   * A terminal's screen, then what it prints, then its end.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/terminal/pty/{ptyId}/stream`, needs `terminal:attach`
   */
  stream(ptyId: string, options: CallOptions & { readonly headers?: { readonly "Last-Event-ID"?: string } } = {}): Promise<EventStream<PtyStreamMessage>> {
    return this.events(ROUTES["terminals.stream"], { path: { ptyId }, options });
  }

  /**
   * Type into a terminal.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/terminal/pty/write`, needs `terminal:attach`
   */
  write(body: PtyWriteRequest, options: CallOptions = {}): Promise<void> {
    return this.done(ROUTES["terminals.write"], { body, options });
  }

  /**
   * Change a terminal's size.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/terminal/pty/resize`, needs `terminal:attach`
   */
  resize(body: PtyResizeRequest, options: CallOptions = {}): Promise<void> {
    return this.done(ROUTES["terminals.resize"], { body, options });
  }

  /**
   * End a terminal and everything in it.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/terminal/pty/close`, needs `terminal:attach`
   */
  close(body: PtyCloseRequest, options: CallOptions = {}): Promise<void> {
    return this.done(ROUTES["terminals.close"], { body, options });
  }
}

/** Runs of the agent: what it is told, how far it is, what waits for a person. */
export class TurnsRoutes extends RouteGroup<{ readonly ws: string; readonly sid: string }> {
  /**
   * Say something to the agent: begins a turn, or joins the one that has not ended.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/messages`, needs `sessions:control`
   */
  post(body: PostMessageRequest, options: CallOptions = {}): Promise<PostedMessage> {
    return this.json(ROUTES["turns.post"], { body, options });
  }

  /**
   * One turn as it stands.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/turns/{turnId}`, needs `sessions:read`
   */
  get(turnId: string, options: CallOptions = {}): Promise<Turn> {
    return this.json(ROUTES["turns.get"], { path: { turnId }, options });
  }

  /**
   * End a turn; one that runs has ended when its terminal event is there.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/turns/{turnId}/cancel`, needs `sessions:control`
   */
  cancel(turnId: string, options: CallOptions = {}): Promise<Turn> {
    return this.json(ROUTES["turns.cancel"], { path: { turnId }, options });
  }

  /**
   * Approve or reject a tool call that waits; what was decided once stays.
   *
   * `POST /v1/workspaces/{ws}/sessions/{sid}/approvals/{approvalId}`, needs `sessions:control`
   */
  decide(approvalId: string, body: DecideApprovalRequest, options: CallOptions = {}): Promise<Approval> {
    return this.json(ROUTES["turns.decide"], { path: { approvalId }, body, options });
  }
}

/** What happened in a session, in order and without holes. */
export class EventsRoutes extends RouteGroup<{ readonly ws: string; readonly sid: string }> {
  /**
   * What happened in a session: a page of JSON, or with Accept: text/event-stream an endless stream.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/events`, needs `sessions:read`
   */
  list(query: {
readonly after?: number;
readonly cursor?: string;
readonly limit?: number } = {}, options: CallOptions & { readonly headers?: { readonly "Last-Event-ID"?: string } } = {}): Promise<SessionEventList> {
    return this.json(ROUTES["events.list"], { query, options });
  }

  /**
   * What happened in a session: a page of JSON, or with Accept: text/event-stream an endless stream.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/events`, needs `sessions:read`
   */
  stream(query: {
readonly after?: number;
readonly cursor?: string;
readonly limit?: number } = {}, options: CallOptions & { readonly headers?: { readonly "Last-Event-ID"?: string } } = {}): Promise<EventStream<SessionEvent>> {
    return this.events(ROUTES["events.list"], { query, options });
  }
}

/** Ports of a box. */
export class PortsRoutes extends RouteGroup<{ readonly ws: string; readonly sid: string }> {
  /**
   * Where a port of the box can be reached.
   *
   * `GET /v1/workspaces/{ws}/sessions/{sid}/ports/{port}`, needs `stream:view`
   */
  expose(port: number, options: CallOptions = {}): Promise<ExposedPort> {
    return this.json(ROUTES["ports.expose"], { path: { port }, options });
  }
}

/** Machines of users that were enrolled, and how busy they are. */
export class MachinesRoutes extends RouteGroup<{ readonly ws: string }> {
  /**
   * The enrolled machines of a workspace, and whether they are there.
   *
   * `GET /v1/workspaces/{ws}/machines`, needs `enrollments:read`
   */
  list(query: {
readonly cursor?: string;
readonly limit?: number } = {}, options: CallOptions = {}): Promise<MachineList> {
    return this.json(ROUTES["machines.list"], { query, options });
  }

  /**
   * How busy a machine was in the last minute.
   *
   * `GET /v1/workspaces/{ws}/machines/{machineId}/metrics`, needs `enrollments:read`
   */
  metrics(machineId: string, options: CallOptions = {}): Promise<MachineMetricsHistory> {
    return this.json(ROUTES["machines.metrics"], { path: { machineId }, options });
  }
}

/** How a machine of a user asks to be let in, and renews what it signs in with. It shows no key. */
export class DevicesRoutes extends RouteGroup<object> {
  /**
   * A machine asks to be enrolled; a person decides about its user code.
   *
   * `POST /v1/enrollments/device/start`, open to everybody
   */
  start(body: StartEnrollmentRequest, options: CallOptions = {}): Promise<StartedEnrollment> {
    return this.json(ROUTES["devices.start"], { body, options });
  }

  /**
   * Whether somebody has decided; once they have, the credentials.
   *
   * `POST /v1/enrollments/device/poll`, open to everybody
   */
  poll(body: PollEnrollmentRequest, options: CallOptions = {}): Promise<PolledEnrollment> {
    return this.json(ROUTES["devices.poll"], { body, options });
  }

  /**
   * Which machine waits with a user code, and what it asks for.
   *
   * `POST /v1/enrollments/device/lookup`, open to everybody
   */
  lookup(body: UserCodeRequest, options: CallOptions = {}): Promise<PendingEnrollment> {
    return this.json(ROUTES["devices.lookup"], { body, options });
  }

  /**
   * A machine enrolls itself with an enrollment token.
   *
   * `POST /v1/enrollments/token/exchange`, open to everybody
   */
  exchangeToken(body: ExchangeEnrollmentTokenRequest, options: CallOptions = {}): Promise<MachineCredentials> {
    return this.json(ROUTES["devices.exchangeToken"], { body, options });
  }

  /**
   * New credentials for a machine that signs a challenge.
   *
   * `POST /v1/enrollments/refresh`, open to everybody
   */
  refresh(body: RefreshEnrollmentRequest, options: CallOptions = {}): Promise<RefreshedEnrollment> {
    return this.json(ROUTES["devices.refresh"], { body, options });
  }
}

/** How machines of users are let in and sent away. */
export class EnrollmentsRoutes extends RouteGroup<{ readonly ws: string }> {
  /**
   * Let the machine in that waits with this user code.
   *
   * `POST /v1/workspaces/{ws}/enrollments/device/approve`, needs `enrollments:manage`
   */
  approveDevice(body: ApproveEnrollmentRequest, options: CallOptions = {}): Promise<Enrollment> {
    return this.json(ROUTES["enrollments.approveDevice"], { body, options });
  }

  /**
   * Send the machine away that waits with this user code.
   *
   * `POST /v1/workspaces/{ws}/enrollments/device/deny`, needs `enrollments:manage`
   */
  denyDevice(body: UserCodeRequest, options: CallOptions = {}): Promise<PendingEnrollment> {
    return this.json(ROUTES["enrollments.denyDevice"], { body, options });
  }

  /**
   * Make a token that machines enroll themselves with; it is in this answer only.
   *
   * `POST /v1/workspaces/{ws}/enrollments/token`, needs `enrollments:manage`
   */
  createToken(body: CreateEnrollmentTokenRequest = {}, options: CallOptions = {}): Promise<CreatedEnrollmentToken> {
    return this.json(ROUTES["enrollments.createToken"], { body, options });
  }

  /**
   * Machines that were let in, newest first, revoked ones too.
   *
   * `GET /v1/workspaces/{ws}/enrollments`, needs `enrollments:read`
   */
  list(query: {
readonly cursor?: string;
readonly limit?: number } = {}, options: CallOptions = {}): Promise<EnrollmentList> {
    return this.json(ROUTES["enrollments.list"], { query, options });
  }

  /**
   * Send an enrolled machine away for good; its live connection is cut.
   *
   * `POST /v1/workspaces/{ws}/enrollments/{enrollmentId}/revoke`, needs `enrollments:manage`
   */
  revoke(enrollmentId: string, options: CallOptions = {}): Promise<Enrollment> {
    return this.json(ROUTES["enrollments.revoke"], { path: { enrollmentId }, options });
  }
}

/** API keys of a workspace. */
export class KeysRoutes extends RouteGroup<{ readonly ws: string }> {
  /**
   * Make a key; its token is in this answer only.
   *
   * `POST /v1/workspaces/{ws}/keys`, needs `keys:manage`
   */
  create(body: CreateKeyRequest, options: CallOptions = {}): Promise<CreatedKey> {
    return this.json(ROUTES["keys.create"], { body, options });
  }

  /**
   * The keys of a workspace, without their tokens.
   *
   * `GET /v1/workspaces/{ws}/keys`, needs `keys:manage`
   */
  list(query: {
readonly cursor?: string;
readonly limit?: number } = {}, options: CallOptions = {}): Promise<KeyList> {
    return this.json(ROUTES["keys.list"], { query, options });
  }

  /**
   * Revoke a key; it stops working everywhere within a second.
   *
   * `DELETE /v1/workspaces/{ws}/keys/{keyId}`, needs `keys:manage`
   */
  revoke(keyId: string, options: CallOptions = {}): Promise<void> {
    return this.done(ROUTES["keys.revoke"], { path: { keyId }, options });
  }
}

/** Who did what in a workspace. */
export class AuditRoutes extends RouteGroup<{ readonly ws: string }> {
  /**
   * Who did what in a workspace, newest first.
   *
   * `GET /v1/workspaces/{ws}/audit`, needs `audit:read`
   */
  list(query: {
readonly cursor?: string;
readonly limit?: number;
readonly action?: string;
readonly actor?: string;
readonly session?: string;
readonly from?: string;
readonly to?: string } = {}, options: CallOptions = {}): Promise<AuditList> {
    return this.json(ROUTES["audit.list"], { query, options });
  }
}

/** Who shares sessions and keys. */
export class WorkspacesRoutes extends RouteGroup<object> {
  /**
   * The workspaces that this key may enter.
   *
   * `GET /v1/workspaces`, with any key
   */
  list(query: {
readonly cursor?: string;
readonly limit?: number } = {}, options: CallOptions = {}): Promise<WorkspaceList> {
    return this.json(ROUTES["workspaces.list"], { query, options });
  }

  /**
   * Make a workspace.
   *
   * `POST /v1/workspaces`, needs `workspaces:manage`
   */
  create(body: CreateWorkspaceRequest, options: CallOptions = {}): Promise<Workspace> {
    return this.json(ROUTES["workspaces.create"], { body, options });
  }

  /**
   * One workspace by id or slug.
   *
   * `GET /v1/workspaces/{ws}`, with any key
   */
  get(ws: string, options: CallOptions = {}): Promise<Workspace> {
    return this.json(ROUTES["workspaces.get"], { path: { ws }, options });
  }

  /**
   * For how long boxes of the workspace were up and what its models took, this month or in a given time, and its budget.
   *
   * `GET /v1/workspaces/{ws}/usage`, needs `sessions:read`
   */
  usage(ws: string, query: {
readonly from?: string;
readonly to?: string } = {}, options: CallOptions = {}): Promise<WorkspaceUsage> {
    return this.json(ROUTES["workspaces.usage"], { path: { ws }, query, options });
  }

  /**
   * For how many seconds boxes may be up in a month, and how many tokens models may take; once either is used up, boxes are captured, stopped and not opened, and turns end.
   *
   * `PUT /v1/workspaces/{ws}/budget`, needs `workspaces:manage`
   */
  setBudget(ws: string, body: SetBudgetRequest, options: CallOptions = {}): Promise<WorkspaceBudget> {
    return this.json(ROUTES["workspaces.setBudget"], { path: { ws }, body, options });
  }
}

/** The server itself: its health, and this document. */
export class ServerRoutes extends RouteGroup<object> {
  /**
   * The process runs and answers.
   *
   * `GET /healthz`, open to everybody
   */
  health(options: CallOptions = {}): Promise<Health> {
    return this.json(ROUTES["server.health"], { options });
  }

  /**
   * Whether the server can do its work, and how much its data folder holds; 503 when it cannot.
   *
   * `GET /readyz`, open to everybody
   */
  readiness(options: CallOptions = {}): Promise<Readiness> {
    return this.json(ROUTES["server.readiness"], { options });
  }

  /**
   * What the server counts, for Prometheus; opens with metrics:read or the metrics token.
   *
   * `GET /metrics`, needs `metrics:read`
   */
  metrics(options: CallOptions = {}): Promise<Response> {
    return this.raw(ROUTES["server.metrics"], { options });
  }

  /**
   * Make a small box on each backend, run a marker command in it, and destroy it.
   *
   * `POST /v1/canary`, needs `workspaces:manage`
   */
  canary(options: CallOptions = {}): Promise<CanaryReport> {
    return this.json(ROUTES["server.canary"], { options });
  }

  /**
   * This document.
   *
   * `GET /v1/openapi.json`, open to everybody
   */
  document(options: CallOptions = {}): Promise<Response> {
    return this.raw(ROUTES["server.document"], { options });
  }

  /**
   * A page to read and try the API.
   *
   * `GET /v1/docs`, open to everybody
   */
  docs(options: CallOptions = {}): Promise<Response> {
    return this.raw(ROUTES["server.docs"], { options });
  }

  /**
   * A file of that page.
   *
   * `GET /v1/docs/{asset}`, open to everybody
   */
  docsAsset(asset: string, options: CallOptions = {}): Promise<Response> {
    return this.raw(ROUTES["server.docsAsset"], { path: { asset }, options });
  }

  /**
   * Destroy boxes of this deployment that no lease names; every other box is only reported.
   *
   * `POST /v1/sweep`, needs `workspaces:manage`
   */
  sweep(body: SweepRequest = {}, options: CallOptions = {}): Promise<SweepReport> {
    return this.json(ROUTES["server.sweep"], { body, options });
  }
}

/** The groups that need no workspace. */
export class ServerGroups {
readonly devices: DevicesRoutes;
readonly workspaces: WorkspacesRoutes;
readonly server: ServerRoutes;

  constructor(transport: Transport, scope: object) {
this.devices = new DevicesRoutes(transport, scope);
this.workspaces = new WorkspacesRoutes(transport, scope);
this.server = new ServerRoutes(transport, scope);
  }
}

/** The groups of one workspace. */
export class WorkspaceGroups {
readonly sessions: SessionsRoutes;
readonly machines: MachinesRoutes;
readonly enrollments: EnrollmentsRoutes;
readonly keys: KeysRoutes;
readonly audit: AuditRoutes;

  constructor(transport: Transport, scope: { readonly ws: string }) {
this.sessions = new SessionsRoutes(transport, scope);
this.machines = new MachinesRoutes(transport, scope);
this.enrollments = new EnrollmentsRoutes(transport, scope);
this.keys = new KeysRoutes(transport, scope);
this.audit = new AuditRoutes(transport, scope);
  }
}

/** The groups of one session. */
export class SessionGroups {
readonly commands: CommandsRoutes;
readonly files: FilesRoutes;
readonly git: GitRoutes;
readonly terminals: TerminalsRoutes;
readonly turns: TurnsRoutes;
readonly events: EventsRoutes;
readonly ports: PortsRoutes;

  constructor(transport: Transport, scope: { readonly ws: string; readonly sid: string }) {
this.commands = new CommandsRoutes(transport, scope);
this.files = new FilesRoutes(transport, scope);
this.git = new GitRoutes(transport, scope);
this.terminals = new TerminalsRoutes(transport, scope);
this.turns = new TurnsRoutes(transport, scope);
this.events = new EventsRoutes(transport, scope);
this.ports = new PortsRoutes(transport, scope);
  }
}
