/** The shapes that travel between this page and the server (an OpenAI-compatible API with `metrics`). */
import type { MetricName, QuadrantName } from "@/types";

export interface ChatMessage {
  role: "system" | "user" | "assistant";
  content: string;
}

/** One object of a chunk's `metrics`: a token, as in a trace file. */
export interface TokenMetrics extends Record<MetricName, number | null> {
  position: number;
  token_id: number;
  token: string;
  quadrant: QuadrantName | null;
  logprob: number | null;
  temperature: number | null;
  top_p: number | null;
  top_k: number | null;
  min_p: number | null;
}

export interface TokenLogprob {
  token: string;
  logprob: number;
  bytes?: number[] | null;
  top_logprobs?: { token: string; logprob: number; bytes?: number[] | null; token_id?: number }[];
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

export interface ChatChunk {
  model?: string;
  choices: {
    index: number;
    delta: { role?: string; content?: string | null };
    logprobs?: { content: TokenLogprob[] | null } | null;
    finish_reason: string | null;
  }[];
  metrics?: TokenMetrics[] | null;
  usage?: Usage | null;
}

export interface ErrorBody {
  error?: { message: string; type?: string; param?: string | null; code?: string | number | null };
}

export interface Health {
  status: "ok" | "loading" | "stopping";
  model: string | null;
  rows: number;
  queue: number;
}

export interface ChatRequest {
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
}
