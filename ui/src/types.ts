/** The types that the chat, the stores and the instruments share. */

import type { components } from "@/api/schema";

type Schemas = components["schemas"];

export type QuadrantName = Schemas["QuadrantFacts"]["name"];
export type MetricName = Schemas["MetricFacts"]["name"];

/** One token that the model could have emitted; `logprob` is the natural log under the unscaled logits. */
export type Alternative = Pick<Schemas["TopLogprob"], "token" | "logprob"> &
  Partial<Pick<Schemas["TopLogprob"], "token_id">>;

/** All that is known of one emitted token: what the server says of it, and what it meant for the answer. */
export interface TokenRecord extends Omit<Schemas["TokenRecord"], "window" | "choice"> {
  /** The characters that this token added to the answer ("" while a character is incomplete). */
  text: string;
  /** The top alternatives, best first; the chosen one may be among them. */
  alternatives: Alternative[];
  /** True where a person chose this token at a fork; `logprob` is NaN where the text was typed, not picked. */
  forced?: boolean;
}

/** Continue from a token with another one, or a typed text, in its place. */
export type OnFork = (tokenIndex: number, alternative: Alternative | string) => void;

/** A sampler's settings, as the server's /v1/samplers gives them. */
export type SamplerConfig = Record<string, unknown>;

/**
 * Waiting: asked for, no token yet; streaming: tokens arrive; then done, or stopped by a person, or interrupted as the page
 * that wrote it was closed, or failed.
 */
export type AnswerStatus = "waiting" | "streaming" | "done" | "stopped" | "interrupted" | "failed";

/** An answer as the instruments see it. */
export interface Answer {
  id: string;
  label: string;
  tokens: TokenRecord[];
  text: string;
  status: AnswerStatus;
  finishReason: string | null;
  config: SamplerConfig | null;
  seconds: number | null;
}
