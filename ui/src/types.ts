/** The types that the chat, the stores and the instruments share. */

import type { components } from "@/api/schema";

type Schemas = components["schemas"];

export type QuadrantName = Schemas["QuadrantFacts"]["name"];
export type MetricName = Schemas["MetricFacts"]["name"];

/** One token that the model could have emitted; `logprob` is the natural log under the unscaled logits. */
export type Alternative = Pick<Schemas["TopLogprob"], "token" | "logprob"> &
  Partial<Pick<Schemas["TopLogprob"], "token_id">>;

/**
 * All that is known of one emitted token: what the server says of it, and what it meant for the answer. A metric that
 * has no value, as those of attention where the model's cannot be measured, is NaN.
 */
export interface TokenRecord
  extends Omit<Schemas["TokenRecord"], "window" | "choice" | "drafted" | MetricName>,
    Record<MetricName, number> {
  /** The characters that this token added to the answer ("" while a character is incomplete). */
  text: string;
  /** The top alternatives, best first; the chosen one may be among them. */
  alternatives: Alternative[];
  /** True where a person chose this token at a fork; `logprob` is NaN where the text was typed, not picked. */
  forced?: boolean;
  /** True where a fork of the answer began with this token, in the place of the one that was drawn. */
  forked?: boolean;
  /** True where it was guessed before it was drawn, and took no step of the model of its own. */
  drafted?: boolean;
}

/** Continue from a token with another one, or a typed text, in its place; `times` over, once where it is not said. */
export type OnFork = (tokenIndex: number, alternative: Alternative | string, times?: number) => void;

/** One way that an answer went, or could have gone, from where it parted from another one. */
export interface AnswerPath {
  branch: number;
  /** The path that it parted from; null for the first one. */
  parent: number | null;
  /** Which of the answer's tokens is its first own one, from 0, and how many characters come before it. */
  index: number;
  at: number;
  /** What its own tokens add to the text, and how many they are. */
  text: string;
  count: number;
  /** "stop", "length"; "dropped", "failed" or "stopped" where it was not finished; null while it is being written. */
  finishReason: string | null;
  /** What the server found to be the answer in its text. */
  answer: string | null;
  /** By their names; the higher, the better. */
  scores: Record<string, number>;
  /** The weight that it gave to its answer. */
  vote: number;
  /** A person asked for it once the answer was there. */
  tried?: boolean;
}

/** Paths that give one answer, and what they weigh together. */
export interface AnswerVote {
  answer: string;
  weight: number;
  branches: number[];
}

/** All paths of one answer, and which of them it is. */
export interface PathTree {
  /** What forked; null where a person alone did. */
  policy: string | null;
  /** The score that the policy compares paths by. */
  score: string;
  /** The path that was chosen as the answer, and the one that is shown as such; null before that. */
  chosen: number | null;
  shown: number | null;
  /** Forks that were not made, for want of room or of budget. */
  narrowed: number;
  /** The first one won; none where the best score did. */
  votes: AnswerVote[];
  paths: AnswerPath[];
}

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
