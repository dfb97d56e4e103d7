/** Cutting an answer's tokens into lines of text that can be rendered and kept one by one. */
import type { TokenRecord } from "@/types";

/** Tokens start..end-1, up to and including the one that ends with a newline, or LONGEST of them. */
export interface Paragraph {
  start: number;
  end: number;
  /** Inside a code fence, the fences included. */
  code: boolean;
}

/**
 * A paragraph without an end, as a model in a loop writes it, goes on in a new one at the next space after so many tokens:
 * to lay a line out costs the length of its paragraph, at every token.
 */
const LONGEST = 600;

/**
 * The paragraphs of an answer. What was cut before is kept where the tokens are the same, so that a streaming answer
 * costs the length of its last paragraph only.
 */
export function cutParagraphs(
  tokens: readonly TokenRecord[],
  before: readonly Paragraph[] = [],
  tokensBefore: readonly TokenRecord[] = [],
): Paragraph[] {
  const kept = keep(tokens, before, tokensBefore);
  let start = kept.at(-1)?.end ?? 0;
  let fenced = openFence(tokens, kept);
  while (start < tokens.length) {
    let text = "";
    let end = start;
    while (end < tokens.length && !text.endsWith("\n") && !(end - start >= LONGEST && isGap(tokens[end])))
      text += tokens[end++]?.text ?? "";
    const fence = /^\s*```/.test(text);
    kept.push({ start, end, code: fenced || fence });
    if (fence) fenced = !fenced;
    start = end;
  }
  return kept;
}

const isGap = (token: TokenRecord | undefined) => /^\s/.test(token?.text ?? "");

/** The leading paragraphs whose tokens have not changed; the last one may have grown, so it is cut again. */
function keep(
  tokens: readonly TokenRecord[],
  before: readonly Paragraph[],
  tokensBefore: readonly TokenRecord[],
): Paragraph[] {
  const same = (index: number) => tokens[index] === tokensBefore[index];
  const kept: Paragraph[] = [];
  for (const paragraph of before.slice(0, -1)) {
    if (!same(paragraph.start) || !same(paragraph.end - 1)) break;
    kept.push(paragraph);
  }
  return kept;
}

function openFence(tokens: readonly TokenRecord[], paragraphs: readonly Paragraph[]): boolean {
  const last = paragraphs.at(-1);
  if (!last?.code) return false;
  const opening = (paragraph: Paragraph) => {
    let text = "";
    for (let i = paragraph.start; i < paragraph.end && text.trimStart().length < 3; i++)
      text += tokens[i]?.text;
    return text.trimStart().startsWith("```");
  };
  // Inside a fence, unless the last line is the fence that closed it.
  let fences = 0;
  for (let i = paragraphs.length - 1; i >= 0 && paragraphs[i]?.code; i--) {
    if (opening(paragraphs[i] as Paragraph)) fences++;
  }
  return fences % 2 === 1;
}
