/** Lining answers up for comparison: at their start, their end, or where a phrase first occurs. */
import type { Answer, TokenRecord } from "@/types";

export type Alignment = { at: "start" } | { at: "end" } | { at: "phrase"; phrase: string };

/**
 * The index of the token at which each answer is anchored (drawn at x = 0): 0, its last token, or the token that holds
 * the first character of the phrase. Null where the phrase does not occur or the answer is empty.
 */
export function anchors(answers: readonly Answer[], alignment: Alignment): (number | null)[] {
  return answers.map(({ tokens }) => {
    if (tokens.length === 0) return null;
    if (alignment.at === "start") return 0;
    if (alignment.at === "end") return tokens.length - 1;
    return findPhrase(tokens, alignment.phrase)?.first ?? null;
  });
}

/**
 * The tokens that a phrase's first occurrence covers, found across token borders; letter case and runs of whitespace do
 * not matter. Null where it does not occur or the phrase is blank.
 */
export function findPhrase(
  tokens: readonly TokenRecord[],
  phrase: string,
): { first: number; last: number } | null {
  const wanted = phrase.trim().toLowerCase().replace(/\s+/g, " ");
  if (wanted === "") return null;

  // The answer in the same normal form, with the token that each of its characters came from.
  let text = "";
  const owner: number[] = [];
  tokens.forEach((token, index) => {
    for (const character of token.text.toLowerCase()) {
      const space = /\s/.test(character);
      if (space && text.endsWith(" ")) continue;
      const written = space ? " " : character;
      text += written;
      for (let k = 0; k < written.length; k++) owner.push(index);
    }
  });

  const start = text.indexOf(wanted);
  if (start < 0) return null;
  return { first: owner[start] as number, last: owner[start + wanted.length - 1] as number };
}

/** How many leading tokens two answers share, by token id. */
export function sharedPrefix(a: readonly TokenRecord[], b: readonly TokenRecord[]): number {
  const limit = Math.min(a.length, b.length);
  let i = 0;
  while (i < limit && a[i]?.token_id === b[i]?.token_id) i++;
  return i;
}
