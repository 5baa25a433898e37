export interface WorkspaceRecord {
  readonly id: string;
  readonly slug: string;
  readonly createdAt: Date;
}

export interface WorkspaceStore {
  /** `conflict` when the slug is taken. */
  create(workspace: WorkspaceRecord): Promise<void>;
  list(): Promise<readonly WorkspaceRecord[]>;
  find(idOrSlug: string): Promise<WorkspaceRecord | null>;
}
