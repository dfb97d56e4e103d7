/** Cutting an answer's tokens into lines of text that can be rendered and kept one by one. */
import type { TokenRecord } from "@/types";

/**
 * Tokens start..end-1, up to and including the one that ends with a newline, or LONGEST of them. Where code begins or
 * ends within a token ("\n```"), that token is in two paragraphs.
 */
export interface Paragraph {
  start: number;
  end: number;
  /** Characters of the first token that are in the paragraph before. */
  skip: number;
  /** Characters of the last token that are in this paragraph; all without it. */
  keep?: number;
  /** Inside a code fence, the fences included. */
  code: boolean;
  /** The fence that is still open after it, "" for none. */
  fence: string;
}

/**
 * A paragraph without an end, as a model in a loop writes it, goes on in a new one at the next space after so many tokens:
 * to lay a line out costs the length of its paragraph, at every token.
 */
const LONGEST = 600;

/** A character of the answer. */
interface Place {
  token: number;
  /** Characters of the token before it. */
  offset: number;
}

/**
 * The paragraphs of an answer, from the token `from` on. What was cut before is kept where the tokens are the same, so that a streaming answer
 * costs the length of its last paragraph only.
 */
export function cutParagraphs(
  tokens: readonly TokenRecord[],
  before: readonly Paragraph[] = [],
  tokensBefore: readonly TokenRecord[] = [],
  from = 0,
): Paragraph[] {
  const paragraphs = keep(tokens, before, tokensBefore);
  const last = paragraphs.at(-1);
  let place: Place = { token: last?.end ?? from, offset: 0 };
  let fence = last?.fence ?? "";
  let newLine = !last || tokens[last.end - 1]?.text.endsWith("\n") === true;
  let open: Paragraph | undefined;
  while (place.token < tokens.length) {
    const { text, end } = readLine(tokens, place);
    const opened = newLine && fence === "" ? openingFence(text) : "";
    const code = fence !== "" || opened !== "";
    // A line that starts within a token has to share a paragraph with the one before, or to split the token.
    if (!open || place.offset === 0 || open.code !== code) {
      if (open && place.offset > 0) open.keep = place.offset;
      open = { start: place.token, end: 0, skip: place.offset, code, fence };
      paragraphs.push(open);
    }
    open.end = end.offset > 0 ? end.token + 1 : end.token;
    fence = opened || (newLine && closes(text, fence) ? "" : fence);
    open.fence = fence;
    newLine = text.endsWith("\n");
    place = end;
  }
  return paragraphs;
}

/** The text from a place to the end of its line, or to a space after LONGEST tokens; and the place after it. */
function readLine(tokens: readonly TokenRecord[], { token, offset }: Place): { text: string; end: Place } {
  let line = "";
  for (let i = token; i < tokens.length; i++) {
    const text = tokens[i]?.text ?? "";
    if (i - token >= LONGEST && /^\s/.test(text)) return { text: line, end: { token: i, offset: 0 } };
    const from = i === token ? offset : 0;
    const newline = text.indexOf("\n", from);
    if (newline >= 0) {
      const after = newline + 1;
      const end = after < text.length ? { token: i, offset: after } : { token: i + 1, offset: 0 };
      return { text: line + text.slice(from, after), end };
    }
    line += text.slice(from);
  }
  return { text: line, end: { token: tokens.length, offset: 0 } };
}

/** The fence that a line opens code with, as CommonMark has it, at any indentation; "" for none. */
function openingFence(line: string): string {
  return /^\s*(?:(`{3,})[^`]*|(~{3,}).*)$/s.exec(line)?.slice(1).find(Boolean) ?? "";
}

/** Whether a line closes the code that this fence opened: of its kind, no shorter, and nothing beside it. */
function closes(line: string, fence: string): boolean {
  const found = line.trim();
  return fence !== "" && found.startsWith(fence) && found === (fence[0] ?? "").repeat(found.length);
}

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
  // Whether a token is split depends on the line that comes after it.
  while (kept.at(-1)?.keep !== undefined) kept.pop();
  return kept;
}

/** Consecutive paragraphs of SECTION tokens or more: what is rendered, laid out and painted as one. */
export interface Section {
  start: number;
  paragraphs: readonly Paragraph[];
}

const SECTION = 192;

/** Only the last of a growing answer's sections changes. */
export function sectionsOf(paragraphs: readonly Paragraph[]): Section[] {
  const sections: Section[] = [];
  let first = 0;
  paragraphs.forEach(({ end }, i) => {
    const start = paragraphs[first]?.start ?? 0;
    if (end - start < SECTION && i < paragraphs.length - 1) return;
    sections.push({ start, paragraphs: paragraphs.slice(first, i + 1) });
    first = i + 1;
  });
  return sections;
}
