import { lineage } from "@/lib/paths";
import type { Alternative, PathTree, TokenRecord } from "@/types";
import { endsAnswer } from "./fork";

/** The least probability of a token that an answer is tried with in the place of its own. */
export const LEAST = 0.1;

/** The most places that are tried at once. */
export const MOST = 16;

/** A token that another one could well have come in the place of. */
export interface Hesitation {
  index: number;
  other: Alternative;
}

/**
 * Where an answer hesitated: it was not flowing, and another token than the one that came had a probability of LEAST or
 * more; the likeliest of these. Tokens that were chosen by hand, or that would only have ended the answer, do not count.
 */
export function hesitations(tokens: readonly TokenRecord[]): Hesitation[] {
  return tokens.flatMap((token, index) => {
    if (token.quadrant === "FLOWING" || token.forced) return [];
    const other = token.alternatives.find(
      (one) => one.token_id !== undefined && one.token_id !== token.token_id && !endsAnswer(one.token),
    );
    return other && Math.exp(other.logprob) >= LEAST ? [{ index, other }] : [];
  });
}

/** The places where no path of the tree has left the shown one with that token yet. */
export function untried(places: readonly Hesitation[], tree: PathTree | undefined): Hesitation[] {
  if (!tree) return [...places];
  const way = new Set(lineage(tree, tree.shown ?? 0).map(({ branch }) => branch));
  const left = tree.paths.filter(({ branch, parent }) => !way.has(branch) && way.has(parent ?? -1));
  return places.filter(
    ({ index, other }) => !left.some((path) => path.index === index && path.text.startsWith(other.token)),
  );
}

/** Of more places than can be tried at once, those where the other token was likeliest; in the order of the text. */
export function likeliest(places: readonly Hesitation[]): Hesitation[] {
  const ranked = [...places].sort((a, b) => b.other.logprob - a.other.logprob || a.index - b.index);
  return ranked.slice(0, MOST).sort((a, b) => a.index - b.index);
}
