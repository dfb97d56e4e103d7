import type { Alternative, TokenRecord } from "@/types";

/** What an answer forked at a token starts with. */
export interface ForkStart {
  tokens: TokenRecord[];
  text: string;
  /** True where the chosen alternative ends the answer: there is nothing to continue. */
  ends: boolean;
}

/** Texts under which tokenizers list the tokens that end an answer. */
const END_TOKEN = /^(<\|[\w-]+\|>|<\/s>|<eos>)$/;

/** How the server writes a token that is a part of a character: its bytes, escaped. */
const PART = /\\x[0-9a-f]{2}|\uFFFD/i;

/**
 * The beginning of a branch that keeps the tokens before `index` and puts `choice` in the place of that token.
 *
 * The distribution at that place does not depend on what was drawn, so the forced token keeps the metrics of the
 * token it replaces. Throws where the alternative is a part of a character: there is no text to continue from.
 */
export function forkStart(
  tokens: readonly TokenRecord[],
  index: number,
  choice: Alternative | string,
): ForkStart {
  const at = tokens[index];
  if (!at) throw new Error("That token is not there any more.");
  const picked = typeof choice === "string" ? undefined : choice;
  const text = typeof choice === "string" ? choice : choice.token;
  if (text === "") throw new Error("Type the text to fork with.");
  if (PART.test(text))
    throw new Error("This alternative is a part of a character. Choose or type another one.");
  const kept = tokens.slice(0, index);
  const before = kept.map((t) => t.text).join("");
  if (END_TOKEN.test(text)) return { tokens: kept, text: before, ends: true };
  const known = picked ?? at.alternatives.find((a) => a.token === text);
  const forced: TokenRecord = {
    ...at,
    token: text,
    text,
    token_id: known?.token_id ?? -1,
    logprob: known?.logprob ?? Number.NaN,
    temperature: null,
    top_p: null,
    top_k: null,
    min_p: null,
    forced: true,
  };
  return { tokens: [...kept, forced], text: before + text, ends: false };
}
