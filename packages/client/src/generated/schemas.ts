// Made from the served OpenAPI document by `pnpm run docs`. Not to be edited: the document is the source.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Approval: {
            id: components["schemas"]["Id"];
            callId: string;
            tool: string;
            arguments: string;
            decision: ("approved" | "rejected") | null;
        };
        ApproveEnrollmentRequest: {
            userCode: components["schemas"]["UserCode"];
            /** @default false */
            allowScreenControl?: boolean;
        };
        /** @enum {string} */
        AuditAction: "workspace.create" | "key.create" | "key.revoke" | "enrollment.approve" | "enrollment.deny" | "enrollment.token" | "enrollment.exchange" | "enrollment.refresh" | "enrollment.revoke" | "session.create" | "session.delete" | "session.pause" | "session.swap" | "session.source-token" | "command.run" | "command.attach" | "command.input" | "command.kill" | "terminal.open" | "terminal.attach" | "terminal.input" | "terminal.close" | "port.open" | "turn.message" | "turn.cancel" | "approval.decide" | "canary.run" | "sweep.run" | "budget.set" | "access";
        AuditActor: {
            /** @enum {string} */
            kind: "key" | "machine" | "enrollment-token" | "system";
            id: string;
        };
        AuditEntry: {
            id: components["schemas"]["Id"];
            at: components["schemas"]["Timestamp"];
            workspaceId: components["schemas"]["Id"];
            sessionId: string | null;
            actor: components["schemas"]["AuditActor"];
            action: components["schemas"]["AuditAction"];
            target: string | null;
            requestId: string | null;
            outcome: components["schemas"]["AuditOutcome"];
            detail: {
                [key: string]: unknown;
            };
        };
        AuditList: {
            items: components["schemas"]["AuditEntry"][];
            nextCursor: string | null;
        };
        /** @enum {string} */
        AuditOutcome: "done" | "started" | "unknown" | "denied";
        /** @enum {string} */
        Backend: "docker" | "modal" | "local" | "none" | "daytona" | "runloop" | "e2b" | "blaxel" | "cloudflare" | "vercel" | "selfhosted";
        CanaryReport: {
            ok: boolean;
            results: components["schemas"]["CanaryResult"][];
        };
        CanaryResult: {
            backend: components["schemas"]["Backend"];
            ok: boolean;
            at: components["schemas"]["Timestamp"];
            durationMs: number;
            failure: {
                code: components["schemas"]["ProblemCode"];
                stage: string;
                detail: string;
            } | null;
        };
        CapabilityDocument: {
            sessionId: components["schemas"]["Id"];
            backend: components["schemas"]["Backend"];
            os: components["schemas"]["OperatingSystem"];
            liveness: components["schemas"]["Liveness"];
            leaseEpoch: number;
            viewerHeartbeatIntervalMs: number;
            FileSystem: {
                available: boolean;
                readOnly: boolean;
                root: string;
                /** @enum {string} */
                pathSep: "/" | "\\";
                /** @enum {string} */
                treeMode: "lazy" | "snapshot";
                reason: components["schemas"]["CapabilityReason"] | null;
            };
            Terminal: {
                transport: ("sse-events" | "pty-ws") | null;
                ptyCapable: boolean;
                shell: string | null;
                url: string | null;
                token: string | null;
                expiresAt: components["schemas"]["Timestamp"] | null;
                reason: components["schemas"]["CapabilityReason"] | null;
            };
            Git: {
                available: boolean;
                repos: string[];
                reason: components["schemas"]["CapabilityReason"] | null;
            };
            DesktopStream: {
                transport: ("vnc-ws" | "rdp-ws" | "webrtc" | "relay-frames") | null;
                client: ("novnc" | "web-rdp" | "frames") | null;
                /** @enum {string} */
                mode: "read-only" | "interactive";
                url: string | null;
                token: string | null;
                expiresAt: components["schemas"]["Timestamp"] | null;
                resolution: [
                    number,
                    number
                ] | null;
                /** @constant */
                unredacted: true;
                requiresAcknowledgment: boolean;
                acknowledged: boolean;
                shared: boolean;
                sharedSessionIds: components["schemas"]["Id"][];
                reason: components["schemas"]["CapabilityReason"] | null;
            };
            Recording: {
                available: boolean;
                modes: ("manual" | "on-turn" | "on-verify")[];
                codecs: ("h264-mp4" | "vp9-webm")[];
                reason: components["schemas"]["CapabilityReason"] | null;
            };
            ComputerUse: {
                available: boolean;
                readOnly: boolean;
                reason: components["schemas"]["CapabilityReason"] | null;
            };
            negotiatedAt: components["schemas"]["Timestamp"];
        };
        /** @enum {string} */
        CapabilityReason: "backend_unsupported" | "os_unsupported" | "not_provisioned" | "disabled_by_policy" | "lease_cold" | "tier_headless" | "agent_offline" | "agent_reconnecting" | "consent_required" | "display_unavailable";
        /** @enum {string} */
        ContentEncoding: "utf8" | "base64";
        CreateEnrollmentTokenRequest: {
            /** @default false */
            allowScreenControl?: boolean;
            /** @default 1 */
            uses?: number;
            /** @default 3600 */
            expiresInSeconds?: number;
        };
        CreateKeyRequest: {
            name: string;
            permissions: components["schemas"]["Permission"][];
            expiresAt?: components["schemas"]["Timestamp"];
        };
        CreateSessionRequest: {
            backend?: components["schemas"]["Backend"];
            image?: string;
            environment?: components["schemas"]["Environment"];
            metadata?: components["schemas"]["Metadata"];
            /** @default new */
            sandbox?: "new" | {
                groupId: components["schemas"]["Id"];
            } | {
                machineId: components["schemas"]["Id"];
            };
            /** @default false */
            start?: boolean;
            resources?: components["schemas"]["Resources"];
            idleTimeoutMs?: number;
            maxLifetimeMs?: number;
            name?: string;
            source?: {
                git: components["schemas"]["GitSourceRequest"];
            };
        };
        CreateWorkspaceRequest: {
            slug: components["schemas"]["WorkspaceSlug"];
        };
        CreatedEnrollmentToken: {
            token: string;
            expiresAt: components["schemas"]["Timestamp"];
            uses: number;
        };
        CreatedKey: {
            id: components["schemas"]["Id"];
            workspaceId: components["schemas"]["Id"];
            name: string;
            permissions: components["schemas"]["Permission"][];
            createdAt: components["schemas"]["Timestamp"];
            expiresAt: components["schemas"]["Timestamp"] | null;
            revokedAt: components["schemas"]["Timestamp"] | null;
            token: string;
        };
        DecideApprovalRequest: {
            /** @enum {string} */
            decision: "approve" | "reject";
        };
        Enrollment: {
            id: components["schemas"]["Id"];
            workspaceId: components["schemas"]["Id"];
            machineName: string;
            os: components["schemas"]["OperatingSystem"];
            arch: components["schemas"]["MachineArchitecture"];
            fingerprint: string;
            /** @enum {string} */
            state: "active" | "revoked";
            /** @constant */
            exposure: "whole-machine";
            allowScreenControl: boolean;
            approvedBy: string;
            createdAt: components["schemas"]["Timestamp"];
            refreshedAt: components["schemas"]["Timestamp"];
            revokedAt: components["schemas"]["Timestamp"] | null;
        };
        EnrollmentList: {
            items: components["schemas"]["Enrollment"][];
            nextCursor: string | null;
        };
        Environment: {
            [key: string]: string;
        };
        EnvironmentName: string;
        Etag: string;
        ExchangeEnrollmentTokenRequest: {
            publicKey: components["schemas"]["MachinePublicKey"];
            os: components["schemas"]["OperatingSystem"];
            arch: components["schemas"]["MachineArchitecture"];
            /** @default machine */
            machineName?: string;
            /** @constant */
            exposure: "whole-machine";
            /** @default false */
            canOfferDisplay?: boolean;
            /** @default false */
            requestsScreenControl?: boolean;
            token: string;
        };
        ExposedPort: {
            port: components["schemas"]["Port"];
            /** Format: uri */
            url: string;
            tls: boolean;
            expiresAt: components["schemas"]["Timestamp"] | null;
        };
        FsArchiveResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
            files: number;
            sizeBytes: number;
        };
        FsContentResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
            sizeBytes: number;
            etag: components["schemas"]["Etag"];
        };
        FsDeleteRequest: {
            path: components["schemas"]["WorkspacePath"];
            /** @default false */
            recursive?: boolean;
        };
        FsDeleteResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
        };
        FsListRequest: {
            /** @default  */
            path?: components["schemas"]["WorkspacePath"];
            /** @default 1 */
            depth?: number;
            /** @default 2000 */
            maxEntries?: number;
            /** @default true */
            includeHidden?: boolean;
        };
        FsListResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
            root: components["schemas"]["FsTreeNode"];
            truncated: boolean;
        };
        FsMkdirRequest: {
            path: components["schemas"]["WorkspacePath"];
            /** @default true */
            recursive?: boolean;
        };
        FsMkdirResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
            path: components["schemas"]["WorkspacePath"];
        };
        FsMoveRequest: {
            path: components["schemas"]["WorkspacePath"];
            newPath: components["schemas"]["WorkspacePath"];
            /** @default false */
            overwrite?: boolean;
            /** @default true */
            createParents?: boolean;
        };
        FsMoveResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
            path: components["schemas"]["WorkspacePath"];
            newPath: components["schemas"]["WorkspacePath"];
        };
        FsReadRequest: {
            path: components["schemas"]["WorkspacePath"];
            /** @default utf8 */
            encoding?: components["schemas"]["ContentEncoding"];
            /** @default 5242880 */
            maxBytes?: number;
            /** @default 0 */
            offset?: number;
        };
        FsReadResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
            path: components["schemas"]["WorkspacePath"];
            encoding: components["schemas"]["ContentEncoding"];
            content: string;
            sizeBytes: number;
            totalBytes: number;
            truncated: boolean;
            isBinary: boolean;
            etag: components["schemas"]["Etag"];
        };
        FsStatRequest: {
            path: components["schemas"]["WorkspacePath"];
        };
        FsStatResponse: {
            name: string;
            path: components["schemas"]["WorkspacePath"];
            /** @enum {string} */
            kind: "file" | "dir" | "symlink" | "other";
            sizeBytes: number;
            mode: number;
            modifiedAt: components["schemas"]["Timestamp"];
            target?: string;
            sandboxGroupId?: components["schemas"]["Id"];
        };
        FsTreeNode: {
            name: string;
            path: components["schemas"]["WorkspacePath"];
            /** @enum {string} */
            kind: "file" | "dir" | "symlink" | "other";
            sizeBytes: number;
            mode: number;
            modifiedAt: components["schemas"]["Timestamp"];
            target?: string;
            children?: components["schemas"]["FsTreeNode"][] | null;
            truncated?: boolean;
        };
        FsWatchEvent: {
            /** @enum {string} */
            kind: "created" | "modified" | "deleted" | "resync";
            path: components["schemas"]["WorkspacePath"];
            isDir: boolean;
        };
        FsWatchRequest: {
            /** @default  */
            path?: components["schemas"]["WorkspacePath"];
            /** @default true */
            recursive?: boolean;
        };
        FsWriteRequest: {
            path: components["schemas"]["WorkspacePath"];
            /** @default utf8 */
            encoding?: components["schemas"]["ContentEncoding"];
            content: string;
            /** @default true */
            overwrite?: boolean;
            /** @default true */
            createParents?: boolean;
            ifMatch?: components["schemas"]["Etag"];
        };
        FsWriteResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
            path: components["schemas"]["WorkspacePath"];
            sizeBytes: number;
            etag: components["schemas"]["Etag"];
        };
        GitBlob: {
            content: string;
            encoding: components["schemas"]["ContentEncoding"];
            sizeBytes: number;
            truncated: boolean;
        };
        GitCommit: {
            sha: string;
            shortSha: string;
            parents: string[];
            author: components["schemas"]["GitPerson"];
            committer: components["schemas"]["GitPerson"];
            subject: string;
            body: string;
            refs: string[];
        };
        GitDiffFile: {
            path: components["schemas"]["WorkspacePath"];
            oldPath: components["schemas"]["WorkspacePath"] | null;
            status: components["schemas"]["GitStatusCode"];
            isBinary: boolean;
            isImage: boolean;
            additions: number;
            deletions: number;
            hunks: components["schemas"]["GitDiffHunk"][];
            truncated: boolean;
        };
        GitDiffHunk: {
            oldStart: number;
            oldLines: number;
            newStart: number;
            newLines: number;
            header: string;
            lines: components["schemas"]["GitDiffLine"][];
        };
        GitDiffLine: {
            /** @enum {string} */
            type: "context" | "add" | "del" | "meta";
            oldNo: number | null;
            newNo: number | null;
            text: string;
        };
        GitDiffRequest: {
            /** @default  */
            path?: components["schemas"]["WorkspacePath"];
            /** @default false */
            staged?: boolean;
            fromRef?: components["schemas"]["GitRevision"];
            toRef?: components["schemas"]["GitRevision"];
            /** @default [] */
            pathspec?: components["schemas"]["WorkspacePath"][];
            /** @default 3 */
            contextLines?: number;
            /** @default 524288 */
            maxBytesPerFile?: number;
        };
        GitDiffResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
            files: components["schemas"]["GitDiffFile"][];
        };
        GitLogRequest: {
            /** @default  */
            path?: components["schemas"]["WorkspacePath"];
            /** @default HEAD */
            ref?: components["schemas"]["GitRevision"];
            /** @default 100 */
            maxCount?: number;
            /** @default 0 */
            skip?: number;
            /** @default [] */
            pathspec?: components["schemas"]["WorkspacePath"][];
        };
        GitLogResponse: {
            commits: components["schemas"]["GitCommit"][];
            hasMore: boolean;
            sandboxGroupId?: components["schemas"]["Id"];
        };
        GitPerson: {
            name: string;
            email: string;
            timestamp: components["schemas"]["Timestamp"];
        };
        GitRevision: string;
        GitShowRequest: {
            /** @default  */
            path?: components["schemas"]["WorkspacePath"];
            /** @default HEAD */
            ref?: components["schemas"]["GitRevision"];
            filePath?: components["schemas"]["WorkspacePath"];
            /** @default utf8 */
            encoding?: components["schemas"]["ContentEncoding"];
            /** @default 524288 */
            maxBytesPerFile?: number;
        };
        GitShowResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
            commit: components["schemas"]["GitCommit"] | null;
            files: components["schemas"]["GitDiffFile"][];
            blob: components["schemas"]["GitBlob"] | null;
        };
        GitSource: {
            url: string;
            ref: string | null;
        };
        GitSourceRequest: {
            url: components["schemas"]["GitUrl"];
            ref?: components["schemas"]["GitRevision"];
            token?: string;
        };
        /** @enum {string} */
        GitStatusCode: "." | "M" | "T" | "A" | "D" | "R" | "C" | "U" | "?" | "!";
        GitStatusFile: {
            path: components["schemas"]["WorkspacePath"];
            oldPath: components["schemas"]["WorkspacePath"] | null;
            index: components["schemas"]["GitStatusCode"];
            worktree: components["schemas"]["GitStatusCode"];
            isConflicted: boolean;
        };
        GitStatusRequest: {
            /** @default  */
            path?: components["schemas"]["WorkspacePath"];
        };
        GitStatusResponse: {
            revision: components["schemas"]["Revision"];
            sandboxGroupId?: components["schemas"]["Id"];
            isRepo: boolean;
            head: string | null;
            detached: boolean;
            upstream: string | null;
            ahead: number;
            behind: number;
            files: components["schemas"]["GitStatusFile"][];
        };
        GitUrl: string;
        Health: {
            /** @constant */
            status: "ok";
        };
        /** Format: uuid */
        Id: string;
        Key: {
            id: components["schemas"]["Id"];
            workspaceId: components["schemas"]["Id"];
            name: string;
            permissions: components["schemas"]["Permission"][];
            createdAt: components["schemas"]["Timestamp"];
            expiresAt: components["schemas"]["Timestamp"] | null;
            revokedAt: components["schemas"]["Timestamp"] | null;
        };
        KeyList: {
            items: components["schemas"]["Key"][];
            nextCursor: string | null;
        };
        /** @enum {string} */
        Liveness: "cold" | "warming" | "warm" | "draining";
        Machine: {
            id: components["schemas"]["Id"];
            name: string;
            os: components["schemas"]["OperatingSystem"];
            arch: components["schemas"]["MachineArchitecture"];
            liveness: components["schemas"]["MachineLiveness"];
            lastSeenAt: components["schemas"]["Timestamp"] | null;
            draining: boolean;
            agentVersion: string | null;
            workspaceRoot: string | null;
            capabilities: components["schemas"]["MachineCapabilities"] | null;
            allowScreenControl: boolean;
            swapTarget: boolean;
            metrics: components["schemas"]["MachineMetrics"] | null;
        };
        /** @enum {string} */
        MachineArchitecture: "x86_64" | "aarch64";
        MachineCapabilities: {
            exec: boolean;
            filesystem: boolean;
            git: boolean;
            pty: boolean;
            desktop: boolean;
            desktopUnavailableReason: string | null;
            display: {
                id: string;
                width: number;
                height: number;
                virtual: boolean;
            } | null;
            opStream: boolean;
        };
        MachineCredentials: {
            agentId: components["schemas"]["Id"];
            workspaceId: components["schemas"]["Id"];
            bearer: string;
            bearerExpiresAt: components["schemas"]["Timestamp"];
            subjectPrefix: string;
            natsUrls: string[];
            natsJwt: string;
            natsJwtExpiresAt: components["schemas"]["Timestamp"];
            relayUrl: string | null;
            relayToken: string | null;
            relayTokenExpiresAt: components["schemas"]["Timestamp"] | null;
            consentedWholeMachine: boolean;
            consentedScreenControl: boolean;
        };
        MachineList: {
            items: components["schemas"]["Machine"][];
            nextCursor: string | null;
        };
        /** @enum {string} */
        MachineLiveness: "online" | "reconnecting" | "offline";
        MachineMetrics: {
            sampledAt: components["schemas"]["Timestamp"];
            cpuPercent: number;
            load1: number;
            load5: number;
            load15: number;
            memUsedBytes: number;
            memTotalBytes: number;
            diskUsedBytes: number;
            diskTotalBytes: number;
            runQueue: number;
            gpus: {
                name: string;
                utilPercent: number;
                memUsedBytes: number;
                memTotalBytes: number;
            }[];
        };
        MachineMetricsHistory: {
            samples: components["schemas"]["MachineMetrics"][];
        };
        MachinePublicKey: string;
        Metadata: {
            [key: string]: string;
        };
        MetadataKey: string;
        Op: {
            opId: components["schemas"]["Uuid"];
            /** @enum {string} */
            state: "running" | "exited" | "lost";
            command: string;
            exitCode: number | null;
            signal: string | null;
            timedOut: boolean;
            lostReason: string | null;
            startedAt: components["schemas"]["Timestamp"];
            endedAt: components["schemas"]["Timestamp"] | null;
        };
        OpKillRequest: {
            /** @default 2000 */
            graceMs?: number;
        };
        OpList: {
            items: components["schemas"]["Op"][];
            nextCursor: string | null;
        };
        OpStdinRequest: {
            /** @default  */
            data?: string;
            /** @default utf8 */
            encoding?: components["schemas"]["ContentEncoding"];
            /** @default false */
            close?: boolean;
        };
        OpStreamMessage: {
            /** @enum {string} */
            stream: "stdout" | "stderr";
            offset: number;
            chunk: string;
        } | {
            /** @enum {string} */
            stream: "stdout" | "stderr";
            offset: number;
            /** Format: base64 */
            chunkBase64: string;
        } | {
            exitCode: number;
            signal: string | null;
            timedOut: boolean;
        } | {
            lost: string;
        };
        /** @enum {string} */
        OperatingSystem: "linux" | "macos" | "windows";
        PauseSessionRequest: {
            /** @default false */
            force?: boolean;
        };
        PendingEnrollment: {
            userCode: string;
            workspaceId: components["schemas"]["Id"];
            machineName: string;
            os: components["schemas"]["OperatingSystem"];
            arch: components["schemas"]["MachineArchitecture"];
            fingerprint: string;
            /** @constant */
            exposure: "whole-machine";
            canOfferDisplay: boolean;
            requestsScreenControl: boolean;
            expiresAt: components["schemas"]["Timestamp"];
        };
        /** @enum {string} */
        Permission: "files:read" | "files:write" | "terminal:attach" | "stream:view" | "stream:acknowledge" | "stream:control" | "sessions:read" | "sessions:control" | "enrollments:read" | "enrollments:manage" | "keys:manage" | "audit:read" | "metrics:read" | "workspaces:manage";
        PollEnrollmentRequest: {
            deviceCode: string;
        };
        PolledEnrollment: {
            /** @enum {string} */
            state: "pending" | "slow_down";
            intervalSeconds: number;
        } | {
            /** @enum {string} */
            state: "denied" | "expired";
        } | {
            /** @constant */
            state: "authorized";
            credentials: components["schemas"]["MachineCredentials"];
        };
        Port: number;
        PostMessageRequest: {
            text: string;
            /** @default [] */
            approvals?: string[];
            maxModelCalls?: number;
            timeBudgetMs?: number;
        };
        PostedMessage: {
            turnId: components["schemas"]["Id"];
            isNewTurn: boolean;
        };
        Problem: {
            /** @default about:blank */
            type: string;
            title: string;
            status: number;
            detail: string;
            code: components["schemas"]["ProblemCode"];
            retryable: boolean;
            requestId: string;
            stage?: string;
            /** @enum {string} */
            started?: "no" | "yes" | "unknown";
            errors?: {
                path: string;
                message: string;
            }[];
        };
        /** @enum {string} */
        ProblemCode: "invalid" | "unauthenticated" | "over-budget" | "denied" | "not-found" | "conflict" | "fenced" | "unsupported" | "precondition-failed" | "too-large" | "range" | "idempotency-mismatch" | "rate-limited" | "cancelled" | "internal" | "configuration" | "outcome-unknown" | "not-ready" | "unreachable" | "draining" | "timeout" | "quota";
        Pty: {
            ptyId: components["schemas"]["Id"];
            streamVia: components["schemas"]["PtyTransport"];
            supportsInput: boolean;
            cols: number;
            rows: number;
            createdAt: components["schemas"]["Timestamp"];
        };
        PtyCloseRequest: {
            ptyId: components["schemas"]["Id"];
        };
        /** @enum {string} */
        PtyExitReason: "exited" | "closed" | "idle" | "box-replaced" | "box-gone" | "host-restarted" | "session-deleted";
        PtyList: {
            items: components["schemas"]["Pty"][];
        };
        PtyOpenRequest: {
            /** @default 80 */
            cols?: number;
            /** @default 24 */
            rows?: number;
            /** @default  */
            cwd?: components["schemas"]["WorkspacePath"];
            shell?: string;
        };
        PtyOpenResponse: {
            ptyId: components["schemas"]["Id"];
            streamVia: components["schemas"]["PtyTransport"];
            supportsInput: boolean;
        };
        PtyResizeRequest: {
            ptyId: components["schemas"]["Id"];
            cols: number;
            rows: number;
        };
        PtyStreamMessage: {
            seq: number;
            screen: string;
            cols: number;
            rows: number;
        } | {
            seq: number;
            chunk: string;
        } | {
            seq: number;
            /** Format: base64 */
            chunkBase64: string;
        } | {
            seq: number;
            exitCode: number | null;
            reason: components["schemas"]["PtyExitReason"];
        };
        /** @enum {string} */
        PtyTransport: "sse-events" | "pty-ws";
        PtyWriteRequest: {
            ptyId: components["schemas"]["Id"];
            data: string;
            /** @default utf8 */
            encoding?: components["schemas"]["ContentEncoding"];
        };
        Readiness: {
            /** @enum {string} */
            status: "ready" | "not-ready" | "draining";
            checks: {
                [key: string]: string;
            };
            dataSizeBytes: number | null;
        };
        RefreshEnrollmentRequest: {
            bearer: string;
            proof?: {
                challenge: string;
                signature: string;
            };
        };
        RefreshedEnrollment: {
            /** @constant */
            state: "challenge";
            challenge: string;
            expiresAt: components["schemas"]["Timestamp"];
        } | {
            /** @constant */
            state: "authorized";
            credentials: components["schemas"]["MachineCredentials"];
        };
        Resources: {
            cpu?: number;
            memoryMb?: number;
            diskMb?: number;
            pids?: number;
        };
        RestoreReceipt: {
            /** @constant */
            kind: "EXACT";
        } | {
            /** @constant */
            kind: "STALE";
            from: components["schemas"]["Timestamp"];
            to: components["schemas"]["Timestamp"];
        } | {
            /** @constant */
            kind: "INCOMPLETE";
            missing: "everything" | string[];
        };
        Revision: number;
        Session: {
            id: components["schemas"]["Id"];
            workspaceId: components["schemas"]["Id"];
            sandboxGroupId: components["schemas"]["Id"];
            activeSandboxId: components["schemas"]["Id"] | null;
            activeEpoch: number;
            backend: components["schemas"]["Backend"];
            image: string | null;
            name: string | null;
            liveness: components["schemas"]["Liveness"];
            machine: {
                id: components["schemas"]["Id"];
                liveness: components["schemas"]["MachineLiveness"];
            } | null;
            leaseEpoch: number;
            createdAt: components["schemas"]["Timestamp"];
            metadata: components["schemas"]["Metadata"];
            environmentNames: components["schemas"]["EnvironmentName"][];
            source: {
                git: components["schemas"]["GitSource"];
            } | null;
            resources: components["schemas"]["Resources"] | null;
            idleTimeoutMs: number | null;
            maxLifetimeMs: number | null;
            restored: components["schemas"]["RestoreReceipt"] | null;
        };
        SessionEvent: {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "session.created";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                sandboxGroupId: components["schemas"]["Id"];
                backend: components["schemas"]["Backend"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "session.deleted";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: Record<string, never>;
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.created";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                backend: components["schemas"]["Backend"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.resumed";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                backend: components["schemas"]["Backend"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.restored";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                receipt: components["schemas"]["RestoreReceipt"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.paused";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                reason: string;
                cause?: components["schemas"]["StopCause"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.lost";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                detail: string;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.failed";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                code: components["schemas"]["ProblemCode"];
                stage: string;
                detail: string;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.swapped";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                from: components["schemas"]["Id"] | null;
                to: components["schemas"]["Id"] | null;
                activeEpoch: number;
                receipt?: components["schemas"]["RestoreReceipt"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.environment.changed";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                names: components["schemas"]["EnvironmentName"][];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "fs.changed";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                changes: {
                    path: components["schemas"]["WorkspacePath"];
                    /** @enum {string} */
                    kind: "created" | "modified" | "deleted" | "renamed";
                    isDir: boolean;
                    sizeBytes: number | null;
                    oldPath?: components["schemas"]["WorkspacePath"];
                }[];
                /** @enum {string} */
                source: "write" | "watch" | "agent";
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "git.changed";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                path: components["schemas"]["WorkspacePath"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.command.started";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                opId: components["schemas"]["Uuid"];
                command: string;
                cwd: components["schemas"]["WorkspacePath"];
                background: boolean;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.command.output.delta";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                /** @enum {string} */
                stream: "stdout" | "stderr";
                chunk: string;
                opId: components["schemas"]["Uuid"];
                seq: number;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "sandbox.command.exited";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                opId: components["schemas"]["Uuid"];
                exitCode: number | null;
                signal: string | null;
                timedOut: boolean;
                lost: string | null;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "output.elided";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                opId: components["schemas"]["Uuid"];
                afterBytes: number;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "terminal.pty.started";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                ptyId: components["schemas"]["Id"];
                cols: number;
                rows: number;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "terminal.pty.output.delta";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                ptyId: components["schemas"]["Id"];
                chunk: string;
                seq: number;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "terminal.pty.exited";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                ptyId: components["schemas"]["Id"];
                exitCode: number | null;
                reason: components["schemas"]["PtyExitReason"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "turn.started";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                attempt: number;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "turn.completed";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                usage: components["schemas"]["TurnUsage"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "turn.failed";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                error: components["schemas"]["TurnError"];
                usage: components["schemas"]["TurnUsage"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "turn.cancelled";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                usage: components["schemas"]["TurnUsage"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "turn.message";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                text: string;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "model.text.delta";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                text: string;
                answer?: number;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "model.text.superseded";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                answer: number;
                reason: string;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "turn.usage";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                usage: components["schemas"]["TurnUsage"];
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "tool.call.started";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                callId: string;
                tool: string;
                arguments: string;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "tool.call.output.delta";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                callId: string;
                chunk: string;
                elided: boolean;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "tool.call.completed";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                callId: string;
                tool: string;
                output: string;
                truncated: boolean;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "approval.requested";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                approvalId: components["schemas"]["Id"];
                callId: string;
                tool: string;
                arguments: string;
            };
        } | {
            seq: number;
            sessionId: components["schemas"]["Id"];
            /** @constant */
            type: "approval.resolved";
            at: components["schemas"]["Timestamp"];
            revision: components["schemas"]["Revision"];
            leaseEpoch: number;
            turnId?: components["schemas"]["Id"];
            payload: {
                approvalId: components["schemas"]["Id"];
                /** @enum {string} */
                decision: "approved" | "rejected";
            };
        };
        SessionEventList: {
            items: components["schemas"]["SessionEvent"][];
            nextCursor: string | null;
        };
        SessionList: {
            items: components["schemas"]["Session"][];
            nextCursor: string | null;
        };
        SessionUsage: {
            sandboxGroupId: components["schemas"]["Id"];
            from: components["schemas"]["Timestamp"];
            to: components["schemas"]["Timestamp"];
            warmSeconds: number;
            model: components["schemas"]["TurnUsage"];
            intervals: {
                leaseEpoch: number;
                provider: string;
                startedAt: components["schemas"]["Timestamp"];
                endedAt: components["schemas"]["Timestamp"] | null;
            }[];
        };
        SetBudgetRequest: {
            warmSeconds: number | null;
            /** @default null */
            modelTokens?: number | null;
        };
        SetSourceTokenRequest: {
            token: string;
        };
        SourceTokenPlace: {
            inBox: boolean;
        };
        StartEnrollmentRequest: {
            publicKey: components["schemas"]["MachinePublicKey"];
            os: components["schemas"]["OperatingSystem"];
            arch: components["schemas"]["MachineArchitecture"];
            /** @default machine */
            machineName?: string;
            /** @constant */
            exposure: "whole-machine";
            /** @default false */
            canOfferDisplay?: boolean;
            /** @default false */
            requestsScreenControl?: boolean;
            workspaceId: components["schemas"]["WorkspaceRef"];
        };
        StartedEnrollment: {
            deviceCode: string;
            userCode: string;
            verificationUri: string;
            verificationUriComplete: string;
            intervalSeconds: number;
            expiresInSeconds: number;
        };
        /** @enum {string} */
        StopCause: "idle" | "lifetime" | "pause" | "budget";
        SwapSandboxRequest: {
            target: components["schemas"]["SwapTarget"];
            expectedEpoch?: number;
            /** @default false */
            carry?: boolean;
        };
        SwapSandboxResponse: {
            activeSandboxId: components["schemas"]["Id"] | null;
            activeEpoch: number;
            receipt?: components["schemas"]["RestoreReceipt"];
        };
        SwapTarget: "home" | {
            groupId: components["schemas"]["Id"];
        } | {
            machineId: components["schemas"]["Id"];
        } | {
            backend: components["schemas"]["Backend"];
            image?: string;
        };
        SweepReport: {
            deployment: string;
            dryRun: boolean;
            boxes: {
                provider: string;
                instance: string;
                tag: {
                    deployment: string;
                    sandboxGroupId: string;
                    leaseEpoch: number;
                } | null;
                verdict: components["schemas"]["SweepVerdict"];
                reason: string;
                /** @enum {string} */
                action: "none" | "would-destroy" | "destroyed" | "condemned";
            }[];
            unlistable: string[];
            unreachable: {
                provider: string;
                detail: string;
            }[];
            condemned: {
                provider: string;
                instance: string;
                sandboxGroupId: components["schemas"]["Id"];
                reason: string;
                attempts: number;
            }[];
        };
        SweepRequest: {
            /** @default false */
            dryRun?: boolean;
        };
        /** @enum {string} */
        SweepVerdict: "orphan" | "named" | "condemned" | "home" | "ahead" | "foreign" | "untagged";
        TerminalExecRequest: {
            command: string;
            opId?: components["schemas"]["Uuid"];
            /** @default  */
            cwd?: components["schemas"]["WorkspacePath"];
            /** @default 30000 */
            timeoutMs?: number;
            /** @default 60000 */
            waitMs?: number;
            /** @default 8388608 */
            maxOutputBytes?: number;
            /** @default utf8 */
            encoding?: components["schemas"]["ContentEncoding"];
            env?: components["schemas"]["Environment"];
            stdin?: string;
            /** @default false */
            background?: boolean;
            /** @default true */
            emitStream?: boolean;
        };
        TerminalExecResponse: {
            opId: components["schemas"]["Uuid"];
            stdout: string;
            stderr: string;
            exitCode: number | null;
            running: boolean;
            timedOut: boolean;
            truncated: boolean;
            wallTimeMs: number;
        };
        /** Format: date-time */
        Timestamp: string;
        Turn: {
            id: components["schemas"]["Id"];
            status: components["schemas"]["TurnStatus"];
            attempt: number;
            error?: components["schemas"]["TurnError"];
            usage: components["schemas"]["TurnUsage"];
            approvals: components["schemas"]["Approval"][];
            createdAt: components["schemas"]["Timestamp"];
            startedAt: components["schemas"]["Timestamp"] | null;
            endedAt: components["schemas"]["Timestamp"] | null;
        };
        TurnError: {
            code: string;
            message: string;
        };
        /** @enum {string} */
        TurnStatus: "queued" | "running" | "waiting" | "completed" | "failed" | "cancelled";
        TurnUsage: {
            modelCalls: number;
            inputTokens: number;
            outputTokens: number;
        };
        UserCode: unknown;
        UserCodeRequest: {
            userCode: components["schemas"]["UserCode"];
        };
        /** Format: uuid */
        Uuid: string;
        Workspace: {
            id: components["schemas"]["Id"];
            slug: components["schemas"]["WorkspaceSlug"];
            createdAt: components["schemas"]["Timestamp"];
        };
        WorkspaceBudget: {
            warmSeconds: number | null;
            modelTokens: number | null;
            usedSeconds: number;
            usedModelTokens: number;
            from: components["schemas"]["Timestamp"];
            to: components["schemas"]["Timestamp"];
        };
        WorkspaceList: {
            items: components["schemas"]["Workspace"][];
            nextCursor: string | null;
        };
        WorkspacePath: string;
        WorkspaceRef: components["schemas"]["Uuid"] | components["schemas"]["WorkspaceSlug"];
        WorkspaceSlug: string;
        WorkspaceUsage: {
            from: components["schemas"]["Timestamp"];
            to: components["schemas"]["Timestamp"];
            warmSeconds: number;
            model: components["schemas"]["TurnUsage"];
            budget: components["schemas"]["WorkspaceBudget"];
        };
    };
    responses: {
        /** @description What failed and what to do. */
        Problem: {
            headers: {
                /** @description Seconds, where trying again is worth it. */
                "Retry-After"?: string;
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "about:blank",
                 *       "title": "Not found",
                 *       "status": 404,
                 *       "detail": "There is no such session. Check its id.",
                 *       "code": "not-found",
                 *       "retryable": false,
                 *       "requestId": "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type Approval = components['schemas']['Approval'];
export type ApproveEnrollmentRequest = components['schemas']['ApproveEnrollmentRequest'];
export type AuditAction = components['schemas']['AuditAction'];
export type AuditActor = components['schemas']['AuditActor'];
export type AuditEntry = components['schemas']['AuditEntry'];
export type AuditList = components['schemas']['AuditList'];
export type AuditOutcome = components['schemas']['AuditOutcome'];
export type Backend = components['schemas']['Backend'];
export type CanaryReport = components['schemas']['CanaryReport'];
export type CanaryResult = components['schemas']['CanaryResult'];
export type CapabilityDocument = components['schemas']['CapabilityDocument'];
export type CapabilityReason = components['schemas']['CapabilityReason'];
export type ContentEncoding = components['schemas']['ContentEncoding'];
export type CreateEnrollmentTokenRequest = components['schemas']['CreateEnrollmentTokenRequest'];
export type CreateKeyRequest = components['schemas']['CreateKeyRequest'];
export type CreateSessionRequest = components['schemas']['CreateSessionRequest'];
export type CreateWorkspaceRequest = components['schemas']['CreateWorkspaceRequest'];
export type CreatedEnrollmentToken = components['schemas']['CreatedEnrollmentToken'];
export type CreatedKey = components['schemas']['CreatedKey'];
export type DecideApprovalRequest = components['schemas']['DecideApprovalRequest'];
export type Enrollment = components['schemas']['Enrollment'];
export type EnrollmentList = components['schemas']['EnrollmentList'];
export type Environment = components['schemas']['Environment'];
export type EnvironmentName = components['schemas']['EnvironmentName'];
export type Etag = components['schemas']['Etag'];
export type ExchangeEnrollmentTokenRequest = components['schemas']['ExchangeEnrollmentTokenRequest'];
export type ExposedPort = components['schemas']['ExposedPort'];
export type FsArchiveResponse = components['schemas']['FsArchiveResponse'];
export type FsContentResponse = components['schemas']['FsContentResponse'];
export type FsDeleteRequest = components['schemas']['FsDeleteRequest'];
export type FsDeleteResponse = components['schemas']['FsDeleteResponse'];
export type FsListRequest = components['schemas']['FsListRequest'];
export type FsListResponse = components['schemas']['FsListResponse'];
export type FsMkdirRequest = components['schemas']['FsMkdirRequest'];
export type FsMkdirResponse = components['schemas']['FsMkdirResponse'];
export type FsMoveRequest = components['schemas']['FsMoveRequest'];
export type FsMoveResponse = components['schemas']['FsMoveResponse'];
export type FsReadRequest = components['schemas']['FsReadRequest'];
export type FsReadResponse = components['schemas']['FsReadResponse'];
export type FsStatRequest = components['schemas']['FsStatRequest'];
export type FsStatResponse = components['schemas']['FsStatResponse'];
export type FsTreeNode = components['schemas']['FsTreeNode'];
export type FsWatchEvent = components['schemas']['FsWatchEvent'];
export type FsWatchRequest = components['schemas']['FsWatchRequest'];
export type FsWriteRequest = components['schemas']['FsWriteRequest'];
export type FsWriteResponse = components['schemas']['FsWriteResponse'];
export type GitBlob = components['schemas']['GitBlob'];
export type GitCommit = components['schemas']['GitCommit'];
export type GitDiffFile = components['schemas']['GitDiffFile'];
export type GitDiffHunk = components['schemas']['GitDiffHunk'];
export type GitDiffLine = components['schemas']['GitDiffLine'];
export type GitDiffRequest = components['schemas']['GitDiffRequest'];
export type GitDiffResponse = components['schemas']['GitDiffResponse'];
export type GitLogRequest = components['schemas']['GitLogRequest'];
export type GitLogResponse = components['schemas']['GitLogResponse'];
export type GitPerson = components['schemas']['GitPerson'];
export type GitRevision = components['schemas']['GitRevision'];
export type GitShowRequest = components['schemas']['GitShowRequest'];
export type GitShowResponse = components['schemas']['GitShowResponse'];
export type GitSource = components['schemas']['GitSource'];
export type GitSourceRequest = components['schemas']['GitSourceRequest'];
export type GitStatusCode = components['schemas']['GitStatusCode'];
export type GitStatusFile = components['schemas']['GitStatusFile'];
export type GitStatusRequest = components['schemas']['GitStatusRequest'];
export type GitStatusResponse = components['schemas']['GitStatusResponse'];
export type GitUrl = components['schemas']['GitUrl'];
export type Health = components['schemas']['Health'];
export type Id = components['schemas']['Id'];
export type Key = components['schemas']['Key'];
export type KeyList = components['schemas']['KeyList'];
export type Liveness = components['schemas']['Liveness'];
export type Machine = components['schemas']['Machine'];
export type MachineArchitecture = components['schemas']['MachineArchitecture'];
export type MachineCapabilities = components['schemas']['MachineCapabilities'];
export type MachineCredentials = components['schemas']['MachineCredentials'];
export type MachineList = components['schemas']['MachineList'];
export type MachineLiveness = components['schemas']['MachineLiveness'];
export type MachineMetrics = components['schemas']['MachineMetrics'];
export type MachineMetricsHistory = components['schemas']['MachineMetricsHistory'];
export type MachinePublicKey = components['schemas']['MachinePublicKey'];
export type Metadata = components['schemas']['Metadata'];
export type MetadataKey = components['schemas']['MetadataKey'];
export type Op = components['schemas']['Op'];
export type OpKillRequest = components['schemas']['OpKillRequest'];
export type OpList = components['schemas']['OpList'];
export type OpStdinRequest = components['schemas']['OpStdinRequest'];
export type OpStreamMessage = components['schemas']['OpStreamMessage'];
export type OperatingSystem = components['schemas']['OperatingSystem'];
export type PauseSessionRequest = components['schemas']['PauseSessionRequest'];
export type PendingEnrollment = components['schemas']['PendingEnrollment'];
export type Permission = components['schemas']['Permission'];
export type PollEnrollmentRequest = components['schemas']['PollEnrollmentRequest'];
export type PolledEnrollment = components['schemas']['PolledEnrollment'];
export type Port = components['schemas']['Port'];
export type PostMessageRequest = components['schemas']['PostMessageRequest'];
export type PostedMessage = components['schemas']['PostedMessage'];
export type Problem = components['schemas']['Problem'];
export type ProblemCode = components['schemas']['ProblemCode'];
export type Pty = components['schemas']['Pty'];
export type PtyCloseRequest = components['schemas']['PtyCloseRequest'];
export type PtyExitReason = components['schemas']['PtyExitReason'];
export type PtyList = components['schemas']['PtyList'];
export type PtyOpenRequest = components['schemas']['PtyOpenRequest'];
export type PtyOpenResponse = components['schemas']['PtyOpenResponse'];
export type PtyResizeRequest = components['schemas']['PtyResizeRequest'];
export type PtyStreamMessage = components['schemas']['PtyStreamMessage'];
export type PtyTransport = components['schemas']['PtyTransport'];
export type PtyWriteRequest = components['schemas']['PtyWriteRequest'];
export type Readiness = components['schemas']['Readiness'];
export type RefreshEnrollmentRequest = components['schemas']['RefreshEnrollmentRequest'];
export type RefreshedEnrollment = components['schemas']['RefreshedEnrollment'];
export type Resources = components['schemas']['Resources'];
export type RestoreReceipt = components['schemas']['RestoreReceipt'];
export type Revision = components['schemas']['Revision'];
export type Session = components['schemas']['Session'];
export type SessionEvent = components['schemas']['SessionEvent'];
export type SessionEventList = components['schemas']['SessionEventList'];
export type SessionList = components['schemas']['SessionList'];
export type SessionUsage = components['schemas']['SessionUsage'];
export type SetBudgetRequest = components['schemas']['SetBudgetRequest'];
export type SetSourceTokenRequest = components['schemas']['SetSourceTokenRequest'];
export type SourceTokenPlace = components['schemas']['SourceTokenPlace'];
export type StartEnrollmentRequest = components['schemas']['StartEnrollmentRequest'];
export type StartedEnrollment = components['schemas']['StartedEnrollment'];
export type StopCause = components['schemas']['StopCause'];
export type SwapSandboxRequest = components['schemas']['SwapSandboxRequest'];
export type SwapSandboxResponse = components['schemas']['SwapSandboxResponse'];
export type SwapTarget = components['schemas']['SwapTarget'];
export type SweepReport = components['schemas']['SweepReport'];
export type SweepRequest = components['schemas']['SweepRequest'];
export type SweepVerdict = components['schemas']['SweepVerdict'];
export type TerminalExecRequest = components['schemas']['TerminalExecRequest'];
export type TerminalExecResponse = components['schemas']['TerminalExecResponse'];
export type Timestamp = components['schemas']['Timestamp'];
export type Turn = components['schemas']['Turn'];
export type TurnError = components['schemas']['TurnError'];
export type TurnStatus = components['schemas']['TurnStatus'];
export type TurnUsage = components['schemas']['TurnUsage'];
export type UserCode = components['schemas']['UserCode'];
export type UserCodeRequest = components['schemas']['UserCodeRequest'];
export type Uuid = components['schemas']['Uuid'];
export type Workspace = components['schemas']['Workspace'];
export type WorkspaceBudget = components['schemas']['WorkspaceBudget'];
export type WorkspaceList = components['schemas']['WorkspaceList'];
export type WorkspacePath = components['schemas']['WorkspacePath'];
export type WorkspaceRef = components['schemas']['WorkspaceRef'];
export type WorkspaceSlug = components['schemas']['WorkspaceSlug'];
export type WorkspaceUsage = components['schemas']['WorkspaceUsage'];
export type ResponseProblem = components['responses']['Problem'];
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
