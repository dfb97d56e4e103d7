import { splitText } from "@/api/records";
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

export const endsAnswer = (token: string): boolean => END_TOKEN.test(token);

/** How the server writes a token that is a part of a character: its bytes, escaped. */
const PART = /\\x[0-9a-f]{2}|\uFFFD/i;

/**
 * The beginning of a branch that keeps the tokens before `index` and puts `choice` in the place of that token.
 *
 * The distribution at that place does not depend on what was drawn, so the forced token keeps the metrics of the
 * token it replaces. What a chosen token adds to the text is a guess until the server says it (see `retold`): it may
 * complete a character, or begin one.
 */
export function forkStart(
  tokens: readonly TokenRecord[],
  index: number,
  choice: Alternative | string,
): ForkStart {
  const at = tokens[index];
  if (!at) throw new Error("That token is not there any more.");
  const picked = typeof choice === "string" ? undefined : choice;
  const token = typeof choice === "string" ? choice : choice.token;
  if (token === "") throw new Error("Type the text to fork with.");
  const known = picked ?? at.alternatives.find((a) => a.token === token);
  const thinks = at.thought !== undefined;
  if (thinks && known?.token_id === undefined)
    throw new Error("Within thoughts, fork with one of the listed tokens.");
  const added = picked && PART.test(token) ? "" : token;
  const text = thinks ? "" : added;
  const kept = tokens.slice(0, index);
  const before = kept.map((t) => t.text).join("");
  if (endsAnswer(token)) return { tokens: kept, text: before, ends: true };
  const forced: TokenRecord = {
    ...at,
    token,
    text,
    ...(thinks && { thought: added }),
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

/** The ids of an answer's beginning; null where a part of its text was typed, and so belongs to no known token. */
export function idsOf(tokens: readonly TokenRecord[], text: string): number[] | null {
  const ids = tokens.map((t) => t.token_id);
  const known = ids.every((id) => id >= 0) && tokens.map((t) => t.text).join("") === text;
  return known && ids.length > 0 ? ids : null;
}

/** The tokens of an answer's beginning with the text that the server made of them: what the others leave is the last one's. */
export function retold(tokens: readonly TokenRecord[], text: string): TokenRecord[] {
  const pieces = splitText(
    text,
    tokens.map((t) => t.text),
  );
  return tokens.map((token, i) => {
    const piece = pieces[i] ?? "";
    return piece === token.text ? token : { ...token, text: piece };
  });
}
