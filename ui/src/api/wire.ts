/** The shapes that travel between this page and the server (an OpenAI-compatible API with `metrics`). */
import type { components } from "./schema";

/** What the server's OpenAPI document says; `bun run types` writes it again. */
type Schemas = components["schemas"];

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** One object of a chunk's `metrics`: a token, as in a trace file. */
export type TokenMetrics = Schemas["TokenRecord"];
export type TokenLogprob = Schemas["TokenLogprob"];
export type Health = Schemas["Health"];

/** What became of a path: it left another one, got a token, or was given up; or all have ended. */
export type PathForked = Schemas["PathForked"];
export type PathToken = Schemas["PathToken"];
export type PathsSettled = Schemas["PathsSettled"];
export type ForkEvent = PathForked | PathToken | Schemas["PathDropped"] | PathsSettled;

/** What the page reads of one. */
export type ChatChunk = Pick<Schemas["ChatCompletionChunk"], "choices" | "metrics" | "usage" | "forks">;
export type ChatCompletion = Schemas["ChatCompletion"];
export type PromptTokenMetrics = Schemas["PromptTokenRecord"];
export type ModelList = Schemas["ModelList"];
export type SamplerList = Schemas["Samplers"];
export type Fitted = Schemas["Provenance"];
export type ErrorBody = Partial<Schemas["ErrorResponse"]>;

/** What this page asks for: always a stream, with all that is known of each token. */
export interface ChatRequest extends Omit<Schemas["ChatRequest"], "messages"> {
  model: string;
  messages: ChatMessage[];
  stream: true;
  stream_options: { include_usage: true };
  max_tokens: number;
  seed: number;
  sampler: string;
  sampler_config?: Record<string, unknown>;
  metrics: true;
  logprobs: true;
  top_logprobs: number;
  continue_final_message?: true;
  prefix_token_ids?: number[];
  n?: number;
}
