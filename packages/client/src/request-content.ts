/** Bytes as they are. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** What can be sent as it is. A stream is read once, so a request with one is never repeated. */
export type RequestContent = string | Bytes | ArrayBuffer | Blob | ReadableStream<Uint8Array>;

export const toBytes = (data: string | Uint8Array): Uint8Array =>
  typeof data === 'string' ? new TextEncoder().encode(data) : data;
