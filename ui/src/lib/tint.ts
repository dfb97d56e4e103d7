/**
 * How strongly a token is tinted: by how unsure the model was of it, or by how much of a surprise it was. The terminal
 * tints by the same rule, and tests/data/tint_cases.json holds both to it.
 */
import type { TokenRecord } from "@/types";

/** Bits up to which a token is plain text, whatever its quadrant: as among eleven equally likely words. */
export const SURE_BITS = 3.5;

/** Bits from which a tint is as strong as it gets: as among 256 equally likely words. */
export const LOST_BITS = 8;

type Doubt = Pick<TokenRecord, "logits_entropy" | "logprob">;

/**
 * Bits: as unsure as among 2^u equally likely words, or a word that came as a surprise of u bits, whichever is more. What
 * is not known (the probability of a typed text) counts as nothing.
 */
export function uncertainty({ logits_entropy, logprob }: Doubt): number {
  const surprise = -logprob / Math.LN2;
  return Math.max(logits_entropy || 0, surprise || 0, 0);
}

/** 0 for a sure token, which stays plain, up to 1. */
export function strength(token: Doubt): number {
  return Math.min(1, Math.max(0, (uncertainty(token) - SURE_BITS) / (LOST_BITS - SURE_BITS)));
}

/** Whether the token deserves a look: whether it is tinted at all. */
export function uncertain(token: Doubt): boolean {
  return strength(token) > 0;
}

/** Steps of tint: enough to look continuous, few enough that neighbours share a style. */
const STEPS = 16;

/** `strength` for the style sheet, rounded up, so that what is uncertain is never plain. */
export function tintStep(token: Doubt): number {
  return Math.ceil(strength(token) * STEPS) / STEPS;
}
