export { type ChangeHold, ChangeRecorder, type ChangeRecorderOptions } from './changes/change-recorder.ts';
export type { OpenContentRequest, OpenedContent } from './files/file-content.ts';
export { FileService, type FileServiceOptions, type WriteContentRequest } from './files/file-service.ts';
export { GitService, type GitServiceOptions } from './git/git-service.ts';
export type { BoxHolder, OpenBox, OpenBoxOptions, OpenedBox, SessionRef } from './open-box.ts';
export { type ExecOptions, OpHost, type OpHostOptions } from './ops/op-host.ts';
export type { PositionedMessage } from './ops/op-messages.ts';
export { PtyHost, type PtyHostOptions } from './pty/pty-host.ts';
export { SharedPtyHost, type SharedPtyHostOptions } from './pty/shared-pty-host.ts';
