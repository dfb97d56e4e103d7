/** The tokens of an answer in nested runs, so that a growing answer renders, lays out and paints its end only. */
import { type CSSProperties, memo, type ReactNode, useMemo } from "react";
import type { Paragraph, Section } from "@/instruments/paragraphs";
import { useTurn } from "@/instruments/turns";
import { type ColourBy, isMeasure, type Measure, measureOf } from "@/lib/metrics";
import { type Domain, level } from "@/lib/scales";
import { tintStep } from "@/lib/tint";
import type { QuadrantName, TokenRecord } from "@/types";

/** How tokens look; records never change once they have arrived. */
interface Looks {
  tokens: readonly TokenRecord[];
  colourBy: ColourBy;
  /** The scale of the measure, null without one. */
  domain: Domain | null;
}

/** Tokens a chunk: what is rendered again when a long paragraph grows by one. */
const CHUNK = 48;

interface SectionProps extends Looks {
  section: Section;
  caret: boolean;
}

export const SectionView = memo(
  function SectionView({ section: { paragraphs }, caret, ...latest }: SectionProps) {
    const looks = useLooks(latest);
    return (
      <div className="tokens-section">
        {paragraphs.map((paragraph, i) => (
          <ParagraphView
            key={`${paragraph.start}.${paragraph.skip}`}
            {...looks}
            paragraph={paragraph}
            caret={caret && i === paragraphs.length - 1}
          />
        ))}
      </div>
    );
  },
  (before, after) => {
    const [old, now] = [before.section.paragraphs, after.section.paragraphs];
    const same = old.length === now.length && old[0] === now[0] && old.at(-1) === now.at(-1);
    return same && before.caret === after.caret && sameLook(before, after);
  },
);

/** A scale that moved while an answer grows is taken over in turns: to tint all of a long answer anew takes too long. */
function useLooks({ tokens, colourBy, domain }: Looks): Looks {
  const tint = useMemo(() => ({ colourBy, domain }), [colourBy, domain]);
  const shown = useTurn(tint);
  return { tokens, ...(shown.colourBy === colourBy ? shown : tint) };
}

interface ParagraphProps extends Looks {
  paragraph: Paragraph;
  caret: boolean;
}

const ParagraphView = memo(
  function ParagraphView({ paragraph, caret, ...looks }: ParagraphProps) {
    const { start, end, skip, keep } = paragraph;
    const chunks: number[] = [];
    for (let i = start; i < end; i += CHUNK) chunks.push(i);
    return (
      <div className={paragraph.code ? "tokens-code" : undefined}>
        {chunks.map((from) => (
          <Chunk
            key={from}
            {...looks}
            start={from}
            end={Math.min(from + CHUNK, end)}
            skip={from === start ? skip : 0}
            keep={from + CHUNK >= end ? keep : undefined}
          />
        ))}
        {caret && <span className="tokens-caret" />}
      </div>
    );
  },
  (before, after) =>
    before.paragraph.end === after.paragraph.end &&
    before.paragraph.keep === after.paragraph.keep &&
    before.paragraph.code === after.paragraph.code &&
    before.caret === after.caret &&
    sameTokens(before, after, after.paragraph) &&
    sameLook(before, after),
);

interface ChunkProps extends Looks {
  start: number;
  end: number;
  /** See Paragraph. */
  skip: number;
  keep: number | undefined;
}

const Chunk = memo(
  function Chunk({ tokens, start, end, skip, keep, colourBy, domain }: ChunkProps) {
    const spans = [];
    for (let i = start; i < end; i++) {
      const token = tokens[i] as TokenRecord;
      const text = token.text.slice(i === start ? skip : 0, i === end - 1 ? keep : undefined);
      spans.push(
        <span key={i} className="token" data-i={i} data-name={token.quadrant} data-forced={token.forced}>
          {dressed(text, token, colourBy, domain)}
        </span>,
      );
    }
    return spans;
  },
  (before, after) =>
    before.end === after.end &&
    before.skip === after.skip &&
    before.keep === after.keep &&
    sameTokens(before, after, after) &&
    sameLook(before, after),
);

/** The token's text; a sure one as it is, others tinted, their leading space left out of it as between words in print. */
function dressed(text: string, token: TokenRecord, colourBy: ColourBy, domain: Domain | null): ReactNode {
  const dress =
    domain && isMeasure(colourBy) ? byMeasure(token, colourBy, domain) : byStrength(token, colourBy);
  if (!dress) return text;
  const word = text.trimStart() === "" ? text : text.trimStart();
  return [
    text.slice(0, text.length - word.length),
    <span key="word" {...dress}>
      {word}
    </span>,
  ];
}

interface Dress {
  className: string;
  "data-q"?: QuadrantName | "NONE";
  style: CSSProperties;
}

function byMeasure(token: TokenRecord, measure: Measure, domain: Domain): Dress | null {
  const t = level(domain, measureOf(token, measure));
  return t === 0 ? null : { className: "token-word tint", style: { "--t": t } as CSSProperties };
}

/** In the hue and line of its quadrant, or in the one hue for tokens that have none. */
function byStrength(token: TokenRecord, colourBy: ColourBy): Dress | null {
  const quadrant = (colourBy === "quadrant" && token.quadrant) || "NONE";
  const t = tintStep(token);
  if (t === 0 || quadrant === "FLOWING") return null;
  return { className: "token-word", "data-q": quadrant, style: { "--t": t } as CSSProperties };
}

function sameLook(before: Looks, after: Looks): boolean {
  return before.colourBy === after.colourBy && before.domain === after.domain;
}

/** The ends of a range vouch for all of it. */
function sameTokens(
  before: Looks,
  after: Looks,
  { start, end }: { readonly start: number; readonly end: number },
): boolean {
  return before.tokens[start] === after.tokens[start] && before.tokens[end - 1] === after.tokens[end - 1];
}
