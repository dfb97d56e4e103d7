import type { TokenRecord } from "@/types";
import { ApiError, isAbort } from "./errors";
import { readChunks } from "./events";
import { request } from "./http";
import { chunkRecords } from "./records";
import type { ChatChunk, ChatRequest, ForkEvent } from "./wire";

export interface ChatDelta {
  /** Which of the request's `n` answers it belongs to, from 0. */
  choice: number;
  /** The text of the request's `prefix_token_ids`, once, before the delta's own text; null in all other deltas. */
  prefix: string | null;
  text: string;
  tokens: TokenRecord[];
  /** Text that belongs to no token of this delta. */
  tail: string;
  finishReason: string | null;
  /** What became of the paths of a request that forks. */
  forks: ForkEvent[];
  usage: NonNullable<ChatChunk["usage"]> | null;
}

export interface StreamOptions {
  signal: AbortSignal;
  /** Called before each wait with the seconds to come; with null when the request goes out again. */
  onWait?: (seconds: number | null, error: ApiError) => void;
}

const ATTEMPTS = 8;

function sleep(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(new DOMException("Aborted", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, seconds * 1000);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
}

/** Posts the request; a full queue (429) or a loading model (503) is waited for, as long as Retry-After says. */
export async function post(body: object, { signal, onWait }: StreamOptions): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request("v1/chat/completions", {
        method: "POST",
        headers: { "content-type": "application/json", accept: "text/event-stream" },
        body: JSON.stringify(body),
        signal,
      });
    } catch (error) {
      const busy = error instanceof ApiError && (error.status === 429 || error.status === 503);
      if (isAbort(error) || !busy || attempt === ATTEMPTS) throw error;
      const seconds = Math.min(30, error.retryAfter ?? Math.min(8, 0.5 * 2 ** attempt));
      onWait?.(seconds, error);
      await sleep(seconds, signal);
      onWait?.(null, error);
    }
  }
}

/** Streams the answers to one request. Throws an ApiError, or an AbortError once `signal` is aborted. */
export async function* streamChat(body: ChatRequest, options: StreamOptions): AsyncGenerator<ChatDelta> {
  const response = await post(body, options);
  if (!response.body) throw new ApiError("The server answered without a body.", response.status);
  // The text before an answer's first token is the prefix's, however many chunks it comes in.
  const prefixes: (string | null)[] = Array.from({ length: body.n ?? 1 }, () =>
    body.prefix_token_ids ? "" : null,
  );
  for await (const chunk of readChunks(response.body)) {
    let records = chunkRecords(chunk);
    const choice = chunk.choices[0]?.index ?? 0;
    const finishReason = chunk.choices[0]?.finish_reason ?? null;
    const forks = chunk.forks ?? [];
    let prefix = prefixes[choice] ?? null;
    if (prefix !== null && records.tokens.length === 0) {
      prefix += records.text;
      prefixes[choice] = prefix;
      if (finishReason === null && forks.length === 0) continue;
      records = { tokens: [], text: "", tail: "" };
    }
    yield { ...records, choice, prefix, finishReason, forks, usage: chunk.usage ?? null };
    prefixes[choice] = null;
  }
}
