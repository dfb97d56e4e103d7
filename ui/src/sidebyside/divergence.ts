import { QUADRANT_NAMES } from "@/lib/quadrants";
import type { QuadrantName, TokenRecord } from "@/types";

export interface Divergence {
  /** How many tokens both answers share at their start. */
  shared: number;
  /** The first tokens that differ; null on a side that ended there. */
  left: TokenRecord | null;
  right: TokenRecord | null;
  /** True where no difference has been seen: they are equal so far, or to the end. */
  same: boolean;
}

/** Where two answers part. An answer that is only longer so far has not parted until the other one has ended. */
export function divergence(
  left: readonly TokenRecord[],
  right: readonly TokenRecord[],
  ended: { left: boolean; right: boolean },
): Divergence {
  const least = Math.min(left.length, right.length);
  let shared = 0;
  while (shared < least && left[shared]?.token_id === right[shared]?.token_id) shared++;
  const l = left[shared] ?? null;
  const r = right[shared] ?? null;
  const parted = (l && r) || (l && ended.right) || (r && ended.left);
  return { shared, left: parted ? l : null, right: parted ? r : null, same: !parted };
}

/** The share of each quadrant, 0 to 1; null for an answer of the plain sampler. */
export function quadrantShares(tokens: readonly TokenRecord[]): Record<QuadrantName, number> | null {
  const known = tokens.filter((t) => t.quadrant !== null);
  if (known.length === 0) return null;
  const pairs = QUADRANT_NAMES.map((name) => [
    name,
    known.filter((t) => t.quadrant === name).length / known.length,
  ]);
  return Object.fromEntries(pairs);
}

export function meanEntropy(tokens: readonly TokenRecord[]): number | null {
  const values = tokens.map((t) => t.logits_entropy).filter(Number.isFinite);
  return values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;
}
