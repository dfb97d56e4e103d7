/** An answer in two parts, what the model thought before it and the answer itself, as both are shown. */
import type { TokenRecord } from "@/types";

/** How many of an answer's first tokens are its thoughts, with the marks around them. */
export function thoughtsEnd(tokens: readonly TokenRecord[]): number {
  if (!tokens.some((token) => token.thought !== undefined)) return 0;
  const first = tokens.findIndex((token) => token.text !== "");
  return first < 0 ? tokens.length : first;
}

const shown = new WeakMap<TokenRecord, TokenRecord>();

/** A token with the text that it shows: that of a thought too. The same object each time. */
function asShown(token: TokenRecord): TokenRecord {
  if (!token.thought) return token;
  const known = shown.get(token);
  if (known) return known;
  const made = { ...token, text: token.thought + token.text };
  shown.set(token, made);
  return made;
}

/** The tokens of an answer with the texts that they show, up to the token `end`. */
export function shownTokens(tokens: readonly TokenRecord[], end: number): readonly TokenRecord[] {
  const part = end < tokens.length ? tokens.slice(0, end) : tokens;
  return part.some((token) => token.thought) ? part.map(asShown) : part;
}
