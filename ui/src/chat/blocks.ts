import { Lexer } from "marked";
import remend from "remend";

/**
 * An answer cut at its top-level blocks, so that a growing answer renders its last block anew and no other.
 * While it streams, what is still open in the last block (`**bo`, a fence) is closed.
 *
 * Display mathematics may hold blank lines, which a Markdown lexer takes for the end of a paragraph: blocks are
 * joined until the `$$` are even again.
 */
export function blocksOf(text: string, streaming: boolean): string[] {
  const blocks: string[] = [];
  let open = "";
  for (const token of Lexer.lex(text, { gfm: true })) {
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

/** Models write \( \) and \[ \] as often as dollars; code keeps its backslashes. */
export function dollarMath(text: string): string {
  return text
    .split(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)/)
    .map((part, i) =>
      i % 2 === 1
        ? part
        : part
            .replace(/\\\[([\s\S]+?)\\\]/g, (_, tex: string) => `$$${tex}$$`)
            .replace(/\\\(([\s\S]+?)\\\)/g, (_, tex: string) => `$${tex.trim()}$`),
    )
    .join("");
}
