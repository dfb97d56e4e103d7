/** The types that the chat, the stores and the instruments share. */

export type QuadrantName = "FLOWING" | "TREADING" | "EXPLORING" | "RESAMPLING" | "ADAPTIVE";

export type MetricName =
  | "logits_entropy"
  | "logits_varentropy"
  | "attention_entropy"
  | "attention_varentropy"
  | "agreement"
  | "interaction_strength";

/** One token that the model could have emitted; `logprob` is the natural log under the unscaled logits. */
export interface Alternative {
  token: string;
  token_id?: number;
  logprob: number;
}

/** All that is known of one emitted token. Sampling parameters are null where no draw was made. */
export interface TokenRecord extends Record<MetricName, number> {
  position: number;
  token_id: number;
  /** The text of this token alone (may be a part of a character, shown as in `text`). */
  token: string;
  /** Null under the plain sampler. */
  quadrant: QuadrantName | null;
  logprob: number;
  temperature: number | null;
  top_p: number | null;
  top_k: number | null;
  min_p: number | null;
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
