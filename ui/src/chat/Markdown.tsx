import "katex/dist/katex.min.css";
import "./markdown.css";
import { memo, useDeferredValue, useEffect, useMemo, useRef } from "react";
import type { Components } from "react-markdown";
import ReactMarkdown from "react-markdown";
import rehypeHighlight from "rehype-highlight";
import rehypeKatex from "rehype-katex";
import remarkGfm from "remark-gfm";
import remarkMath from "remark-math";
import { blocksOf, dollarMath } from "./blocks";
import { CodeBlock } from "./CodeBlock";
import { SafeLink } from "./SafeLink";

/*
 * A model's output is not trusted: HTML in it is shown as text (there is no rehype-raw here), images are named and
 * never fetched, links ask first, and KaTeX runs without its trusted commands.
 */
const components: Components = {
  a: ({ href, children }) => <SafeLink href={href}>{children}</SafeLink>,
  img: ({ alt, src }) => (
    <span className="text-muted">
      [image{alt ? `: ${alt}` : ""}, not loaded: {String(src ?? "")}]
    </span>
  ),
  pre: ({ children }) => <CodeBlock>{children}</CodeBlock>,
  table: ({ children }) => (
    <div className="overflow-x-auto">
      <table>{children}</table>
    </div>
  ),
};

const remarkPlugins = [remarkGfm, remarkMath];
// Made once: a plugin that is made for each block registers its forty languages each time.
const highlight = rehypeHighlight({ detect: false });
const rehypePlugins = [
  [rehypeKatex, { trust: false, strict: "ignore", maxExpand: 500, throwOnError: false }],
  () => highlight,
] as React.ComponentProps<typeof ReactMarkdown>["rehypePlugins"];

const Block = memo(function Block({ text }: { text: string }) {
  return (
    <ReactMarkdown remarkPlugins={remarkPlugins} rehypePlugins={rehypePlugins} components={components}>
      {text}
    </ReactMarkdown>
  );
});

/** An answer as formatted text; while it streams, only its last block is rendered again. */
export default function Markdown({ text, streaming }: { text: string; streaming: boolean }) {
  const shown = useDeferredValue(text);
  const last = useRef<readonly string[]>([]);
  const blocks = useMemo(() => blocksOf(dollarMath(shown), streaming, last.current), [shown, streaming]);
  useEffect(() => {
    last.current = blocks;
  }, [blocks]);
  return (
    <div className="markdown">
      {blocks.map((block, i) => (
        <Block key={i} text={block} />
      ))}
    </div>
  );
}
