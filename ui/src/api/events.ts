import { EventSourceParserStream } from "eventsource-parser/stream";
import { ApiError, connectionLost, fromErrorBody, isAbort } from "./errors";
import type { ChatChunk } from "./wire";

/**
 * Reads the chunks of a streamed chat completion, wherever the network cut the bytes.
 *
 * Ends after `[DONE]`. Throws an ApiError for an error object in the stream, for data that is not JSON, and for
 * a body that ends without `[DONE]`: then the answer was cut off, and what came before it still stands.
 */
export async function* readChunks(body: ReadableStream<Uint8Array>): AsyncGenerator<ChatChunk> {
  const events = body
    .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
    .pipeThrough(new EventSourceParserStream());
  const reader = events.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read().catch((error: unknown) => {
        throw isAbort(error) ? error : connectionLost();
      });
      if (done) throw connectionLost();
      if (value.data === "[DONE]") return;
      yield parseChunk(value.data);
    }
  } finally {
    // Frees the row on the server when the reader stops early; the stream may have failed already.
    await reader.cancel().catch(() => undefined);
  }
}

function parseChunk(data: string): ChatChunk {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    throw new ApiError("The server sent something that is not JSON. Is there a proxy in between?", 0);
  }
  if (value && typeof value === "object" && "error" in value) throw fromErrorBody(value, 0);
  return value as ChatChunk;
}
