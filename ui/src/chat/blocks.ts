import { Lexer } from "marked";
import remend from "remend";

/**
 * An answer cut at its top-level blocks, so that a growing answer renders its last block anew and no other.
 * While it streams, what is still open in the last block (`**bo`, a fence) is closed.
 *
 * Display mathematics may hold blank lines, which a Markdown lexer takes for the end of a paragraph: blocks are
 * joined until the `$$` are even again.
 *
 * Of the blocks that this text had `before`, those that cannot change any more are kept: a long answer is read from
 * its last blocks on.
 */
export function blocksOf(text: string, streaming: boolean, before: readonly string[] = []): string[] {
  const blocks = keep(text, before);
  const from = blocks.reduce((length, block) => length + block.length, 0);
  let open = "";
  for (const token of Lexer.lex(text.slice(from), { gfm: true })) {
    open += token.raw;
    const dollars = token.type === "code" ? 0 : (open.match(/\$\$/g)?.length ?? 0);
    if (dollars % 2 === 1) continue;
    if (token.type === "space" && blocks.length > 0) blocks[blocks.length - 1] += open;
    else blocks.push(open);
    open = "";
  }
  if (open) blocks.push(open);
  const last = blocks.pop();
  if (last !== undefined) blocks.push(streaming ? remend(last) : last);
  return blocks;
}

/** The leading blocks that the text still starts with; the last two may yet become one with what follows. */
function keep(text: string, before: readonly string[]): string[] {
  const kept: string[] = [];
  let length = 0;
  for (const block of before.slice(0, -2)) {
    if (!text.startsWith(block, length)) break;
    length += block.length;
    kept.push(block);
  }
  return kept;
}

/**
 * Models write \( \) and \[ \] as often as dollars, and display formulas on one line, which Markdown takes for a part of
 * the text; code keeps its backslashes.
 */
export function dollarMath(text: string): string {
  return text
    .split(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)/)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : part
            .replace(/\\\[([\s\S]+?)\\\]/g, (_, tex: string) => `$$${tex}$$`)
            .replace(/\\\(([\s\S]+?)\\\)/g, (_, tex: string) => `$${tex.trim()}$`)
            .replace(/^([ \t]*)\$\$([^$\n]+)\$\$[ \t]*$/gm, "$1$$$$\n$1$2\n$1$$$$"),
    )
    .join("");
}
