/** What a tool answered to a call that the script made. */
export interface ToolAnswer {
  readonly callId: string;
  /** Text parts joined; images and files are left out. */
  readonly text: string;
  /** Addresses of its images, those with their bytes included (`data:`). */
  readonly images: readonly string[];
}

/** One question to the model, reduced to what a script decides by. */
export interface ScriptedRequest {
  /** The model's name as asked for. */
  readonly model: string;
  /** Of the whole conversation, in order. */
  readonly userMessages: readonly string[];
  /** How often the model has answered in this conversation, counted from what is sent back: a script's place. */
  readonly step: number;
  /** Answers to the calls of the model's last answer; empty when it made none. */
  readonly toolAnswers: readonly ToolAnswer[];
  /** Every tool answer of the conversation. */
  readonly allToolAnswers: readonly ToolAnswer[];
  /** Names of the tools that may be called; a hosted tool is named by its type. */
  readonly tools: readonly string[];
  readonly instructions: string;
}

/** One thing that the model does in an answer. */
export type ScriptedItem =
  | { readonly kind: 'text'; readonly text: string; readonly chunkLength?: number }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly arguments: Readonly<Record<string, unknown>>;
      readonly callId?: string;
    }
  | {
      /** The hosted `apply_patch` tool. */
      readonly kind: 'patch';
      readonly operation:
        | { readonly type: 'create_file' | 'update_file'; readonly path: string; readonly diff: string }
        | { readonly type: 'delete_file'; readonly path: string };
      readonly callId?: string;
    }
  /** Waits before what follows, as a slow model does. */
  | { readonly kind: 'pause'; readonly ms: number }
  /** Waits before what follows until this resolves: for a test that decides when a model goes on. */
  | { readonly kind: 'wait'; readonly until: Promise<unknown> }
  /** Refuses the request with this status; only as the first item. */
  | {
      readonly kind: 'refuse';
      readonly status: number;
      readonly message: string;
      readonly retryAfterS?: number;
    }
  /** Drops the connection where it stands. */
  | { readonly kind: 'cut' }
  /** Ends the answer as if it were whole, without its last event; only where it is streamed. */
  | { readonly kind: 'stop' };

/** Decides one answer. It reacts to what it is told; whatever it throws is answered with status 500. */
export type Script = (request: ScriptedRequest) => readonly ScriptedItem[] | Promise<readonly ScriptedItem[]>;

/** Several scripts on one server, chosen by the model's name. */
export type AddressedScript = Readonly<Record<string, Script>>;
