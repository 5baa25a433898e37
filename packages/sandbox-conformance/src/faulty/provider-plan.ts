export type ProviderCall = 'create' | 'resume' | 'destroy' | 'park' | 'list';

export type ProviderFault =
  /** Carried out; the caller gets `unreachable`. */
  | { readonly kind: 'lost-reply' }
  /** The caller gets `timeout`; it is carried out afterwards. See `FaultyProvider.settled`. */
  | { readonly kind: 'late-success' }
  /** The box that is handed out answers nothing until `release`. Of `create` and `resume`. */
  | { readonly kind: 'paused' }
  /** The box dies right after it was handed out. Of `create` and `resume`. */
  | { readonly kind: 'early-death' }
  /** The box is listed without its tag from now on. Of `create` and `resume`. */
  | { readonly kind: 'tag-loss' }
  /** This call and the next ones, `calls` in all, are refused as a vendor does it with status 429. */
  | { readonly kind: 'storm'; readonly calls: number };

export interface ProviderPlan {
  /** The n-th call of a kind, the first being 1. */
  readonly faults?: readonly {
    readonly call: ProviderCall;
    readonly nth: number;
    readonly fault: ProviderFault;
  }[];
  /** How many boxes may exist at once; a create beyond is `quota`. */
  readonly maxBoxes?: number;
}
