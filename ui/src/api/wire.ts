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
export type Usage = Schemas["Usage"];
export type Health = Schemas["Health"];

/** A path parted from another one. */
export interface PathForked {
  type: "fork";
  choice: number;
  branch: number;
  parent: number;
  position: number;
  token_ids: number[];
  text: string;
  finish_reason: string | null;
}
/** A path got a token. */
export type PathToken = TokenMetrics & {
  type: "token";
  choice: number;
  branch: number;
  text: string;
  finish_reason: string | null;
  top_logprobs?: TokenLogprob["top_logprobs"];
};
export interface PathDropped {
  type: "drop";
  choice: number;
  branch: number;
  finish_reason: string;
}
export interface PathsSettled {
  type: "settled";
  choice: number;
  policy: string;
  chosen: number | null;
  tokens: number;
  narrowed: number;
  votes: { answer: string; weight: number; branches: number[] }[];
  paths: {
    branch: number;
    parent: number | null;
    position: number;
    token_ids: number[];
    text: string;
    finish_reason: string;
    answer: string | null;
    scores: Record<string, number | null>;
    vote: number;
  }[];
}
export type ForkEvent = PathForked | PathToken | PathDropped | PathsSettled;

/** What the page reads of one. */
export type ChatChunk = Pick<Schemas["ChatCompletionChunk"], "choices" | "metrics" | "usage"> & {
  forks?: ForkEvent[];
};
export type ModelList = Schemas["ModelList"];
export type SamplerList = Schemas["Samplers"] & {
  forks?: { name: string; description: string; defaults: Record<string, unknown>; schema: object }[];
};
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
  fork?: string | ({ policy: string } & Record<string, unknown>);
}
