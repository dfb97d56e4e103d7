/** The five quadrants, as every view shows them. Their glyphs and phrases are the server's: see facts.ts. */
import type { QuadrantName, TokenRecord } from "@/types";

export interface QuadrantInfo {
  name: QuadrantName;
  /** Entropy and varentropy in words. */
  where: string;
  /** What samplers do with such a token: the published one, and one that is fitted to a model. */
  action: string;
  /** CSS variable of the strong colour (underlines, bars, points); the tint is the same with `-tint`. */
  colour: string;
}

export const QUADRANTS: Record<QuadrantName, QuadrantInfo> = {
  FLOWING: {
    name: "FLOWING",
    where: "low entropy, low varentropy",
    action: "The likeliest token is taken.",
    colour: "--q-flowing",
  },
  ADAPTIVE: {
    name: "ADAPTIVE",
    where: "in between",
    action:
      "Published: every parameter follows how unsure the model is. Fitted: next to no chance, or as it was tuned.",
    colour: "--q-adaptive",
  },
  TREADING: {
    name: "TREADING",
    where: "high entropy, low varentropy",
    action:
      "Published: a pause, then a warmer draw. Fitted: no pause; many words would do, so one may be drawn.",
    colour: "--q-treading",
  },
  EXPLORING: {
    name: "EXPLORING",
    where: "low entropy, high varentropy",
    action: "Published: a warmer draw, among more candidates. Fitted: the favourite, or close to it.",
    colour: "--q-exploring",
  },
  RESAMPLING: {
    name: "RESAMPLING",
    where: "high entropy, high varentropy",
    action: "Published: a hot draw, from a narrower nucleus. Fitted: next to no chance, or as it was tuned.",
    colour: "--q-resampling",
  },
};

/**
 * From the surest to the least sure: the order of legends, bars and counts. It is stated here, too, as the page explains
 * its colours while the server is not there yet.
 */
export const QUADRANT_NAMES: readonly QuadrantName[] = [
  "FLOWING",
  "ADAPTIVE",
  "TREADING",
  "EXPLORING",
  "RESAMPLING",
];

export interface QuadrantShare {
  name: QuadrantName;
  count: number;
  /** Of the tokens that have a quadrant, 0 to 1. */
  share: number;
}

/** Counts and shares of the quadrants in an answer, all five in QUADRANT_NAMES' order; empty under the plain sampler. */
export function shares(tokens: readonly TokenRecord[]): QuadrantShare[] {
  const counts = new Map<QuadrantName, number>();
  let total = 0;
  for (const { quadrant } of tokens) {
    if (!quadrant) continue;
    counts.set(quadrant, (counts.get(quadrant) ?? 0) + 1);
    total++;
  }
  if (total === 0) return [];
  return QUADRANT_NAMES.map((name) => {
    const count = counts.get(name) ?? 0;
    return { name, count, share: count / total };
  });
}
