/**
 * An answer as running text in which every token can be pointed at. Only paragraphs that changed are rendered again, one
 * set of handlers serves all tokens, and marks are set on the element itself, so that thousands of tokens stay light.
 */
import {
  type CSSProperties,
  memo,
  type PointerEvent,
  type ReactNode,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
} from "react";
import { onTokenKey } from "@/instruments/keys";
import { cutParagraphs, type Paragraph } from "@/instruments/paragraphs";
import { markedIn, useSelection } from "@/instruments/selection";
import { TokenPopover, useCardPoint } from "@/instruments/TokenPopover";
import { visible, withUnit } from "@/lib/format";
import { type ColourBy, measureOf } from "@/lib/metrics";
import { QUADRANTS } from "@/lib/quadrants";
import { type Domain, domainOf, level, rampProperties } from "@/lib/scales";
import type { Alternative, Answer, TokenRecord } from "@/types";
import "./instruments.css";

export type OnFork = (tokenIndex: number, alternative: Alternative | string) => void;

export interface TokenTextProps {
  answer: Answer;
  colourBy: ColourBy;
  /** Continue from a token with another one in its place; without it, cards offer no forks. */
  onFork?: OnFork | undefined;
}

const RAMP = rampProperties() as CSSProperties;
/** Tokens a chunk: what is rendered again when a long paragraph grows by one. */
const CHUNK = 48;

export function TokenText({ answer, colourBy, onFork }: TokenTextProps) {
  const { id, tokens } = answer;
  const root = useRef<HTMLDivElement>(null);
  const hint = useId();
  const paragraphs = useParagraphs(tokens);
  const domain = useDomain(tokens, colourBy);
  const lit = useSelection((state) => (state.lit?.answerId === id ? state.lit.quadrant : undefined));
  const card = useCardPoint(id, "text");
  useMarks(root, answer);

  const streaming = answer.status === "streaming";
  const style = lit ? { ...RAMP, "--lit": `var(${QUADRANTS[lit].colour})` } : RAMP;
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: running text, not a group of form fields */}
      <div
        ref={root}
        className="tokens ramp"
        style={style}
        data-lit={lit}
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys walk through the tokens from here
        tabIndex={0}
        aria-label={`${answer.label}, token by token`}
        aria-describedby={hint}
        onPointerOver={(event) => hoverAt(id, event)}
        onPointerLeave={() => useSelection.getState().hover(null, "text")}
        onClick={(event) => selectAt(id, event.target)}
        onKeyDown={(event) => onTokenKey(event, answer, "text")}
      >
        {paragraphs.map((paragraph, i) => (
          <ParagraphView
            key={paragraph.start}
            tokens={tokens}
            paragraph={paragraph}
            colourBy={colourBy}
            domain={domain}
            caret={streaming && i === paragraphs.length - 1}
          />
        ))}
        {streaming && tokens.length === 0 && <span className="tokens-caret" />}
      </div>
      <p id={hint} className="sr-only">
        Arrow keys go from token to token, with Shift to the next uncertain one. Enter opens the token's card,
        Escape closes it.
      </p>
      <Announcer answer={answer} />
      {card !== null && (
        <TokenPopover
          answer={answer}
          point={card}
          onFork={onFork}
          anchor={() => root.current?.querySelector(`[data-i="${card.index}"]`) ?? null}
          home={() => root.current}
        />
      )}
    </>
  );
}

/** Says what is selected to a screen reader. */
function Announcer({ answer }: { answer: Answer }) {
  const index = useSelection(({ selected }) =>
    selected?.answerId === answer.id && selected.view === "text" ? selected.index : null,
  );
  const token = index === null ? undefined : answer.tokens[index];
  return (
    <p className="sr-only" aria-live="polite">
      {token &&
        `${visible(token.text)}, ${token.quadrant ?? "plain sampler"}, entropy ${withUnit("logits_entropy", token.logits_entropy)}`}
    </p>
  );
}

interface ParagraphProps {
  tokens: readonly TokenRecord[];
  paragraph: Paragraph;
  colourBy: ColourBy;
  domain: Domain | null;
  caret: boolean;
}

const ParagraphView = memo(
  function ParagraphView({ tokens, paragraph, colourBy, domain, caret }: ParagraphProps) {
    const chunks: number[] = [];
    for (let i = paragraph.start; i < paragraph.end; i += CHUNK) chunks.push(i);
    return (
      <div className={paragraph.code ? "tokens-code" : undefined}>
        {chunks.map((start) => (
          <Chunk
            key={start}
            tokens={tokens}
            start={start}
            end={Math.min(start + CHUNK, paragraph.end)}
            colourBy={colourBy}
            domain={domain}
          />
        ))}
        {caret && <span className="tokens-caret" />}
      </div>
    );
  },
  (before, after) =>
    before.paragraph.end === after.paragraph.end &&
    before.paragraph.code === after.paragraph.code &&
    before.caret === after.caret &&
    sameLook(before, after, after.paragraph.start, after.paragraph.end),
);

interface ChunkProps {
  tokens: readonly TokenRecord[];
  start: number;
  end: number;
  colourBy: ColourBy;
  domain: Domain | null;
}

const Chunk = memo(
  function Chunk({ tokens, start, end, colourBy, domain }: ChunkProps) {
    const spans = [];
    for (let i = start; i < end; i++) {
      const token = tokens[i] as TokenRecord;
      spans.push(
        <span key={i} className="token" data-i={i} data-name={token.quadrant} data-forced={token.forced}>
          {dressed(token, colourBy, domain)}
        </span>,
      );
    }
    return spans;
  },
  (before, after) => before.end === after.end && sameLook(before, after, after.start, after.end),
);

/** The token's text; a sure one as it is, others tinted, their leading space left out of it as between words in print. */
function dressed(token: TokenRecord, colourBy: ColourBy, domain: Domain | null): ReactNode {
  const { text, quadrant } = token;
  const word = text.trimStart() === "" ? text : text.trimStart();
  const space = text.slice(0, text.length - word.length);
  if (colourBy === "quadrant" || !domain) {
    if (!quadrant || quadrant === "FLOWING") return text;
    return [
      space,
      <span key="word" className="token-word" data-q={quadrant}>
        {word}
      </span>,
    ];
  }
  const t = level(domain, measureOf(token, colourBy));
  if (t === 0) return text;
  return [
    space,
    <span key="word" className="token-word tint" style={{ "--t": t } as CSSProperties}>
      {word}
    </span>,
  ];
}

type Looks = Pick<ChunkProps, "tokens" | "colourBy" | "domain">;

/** Records never change once they have arrived, so the ends of a range vouch for all of it. */
function sameLook(before: Looks, after: Looks, start: number, end: number): boolean {
  return (
    before.colourBy === after.colourBy &&
    before.domain === after.domain &&
    before.tokens[start] === after.tokens[start] &&
    before.tokens[end - 1] === after.tokens[end - 1]
  );
}

function useParagraphs(tokens: readonly TokenRecord[]): Paragraph[] {
  const last = useRef<{ tokens: readonly TokenRecord[]; paragraphs: Paragraph[] }>({
    tokens: [],
    paragraphs: [],
  });
  const paragraphs = useMemo(
    () => cutParagraphs(tokens, last.current.paragraphs, last.current.tokens),
    [tokens],
  );
  useLayoutEffect(() => {
    last.current = { tokens, paragraphs };
  }, [tokens, paragraphs]);
  return paragraphs;
}

/** The scale of the shown measure; the same object until its ends move, so that unchanged paragraphs stay as they are. */
function useDomain(tokens: readonly TokenRecord[], colourBy: ColourBy): Domain | null {
  const last = useRef<Domain | null>(null);
  const domain = useMemo(
    () => (colourBy === "quadrant" ? null : domainOf(colourBy, tokens)),
    [tokens, colourBy],
  );
  const same = domain?.from === last.current?.from && domain?.to === last.current?.to;
  const kept = same ? last.current : domain;
  useLayoutEffect(() => {
    last.current = kept;
  }, [kept]);
  return kept;
}

/** Marks the pointed-at token on the element itself, and brings a token picked elsewhere into view. */
function useMarks(root: React.RefObject<HTMLDivElement | null>, { id }: Answer): void {
  useEffect(() => {
    let marked: Element | null = null;
    let picked: unknown = null;
    const update = (state = useSelection.getState()) => {
      const index = markedIn(state, id);
      const next = index === null ? null : (root.current?.querySelector(`[data-i="${index}"]`) ?? null);
      if (next !== marked) {
        marked?.removeAttribute("data-mark");
        next?.setAttribute("data-mark", "");
        marked = next;
      }
      const { selected } = state;
      if (selected !== picked && selected?.answerId === id) {
        root.current?.querySelector(`[data-i="${selected.index}"]`)?.scrollIntoView({ block: "nearest" });
      }
      picked = selected;
    };
    update();
    return useSelection.subscribe(update);
  }, [id, root]);
}

function tokenAt(target: EventTarget): number | null {
  const element = target instanceof Element ? target.closest("[data-i]") : null;
  return element ? Number(element.getAttribute("data-i")) : null;
}

function hoverAt(answerId: string, event: PointerEvent): void {
  // A finger has no hover: its tap selects.
  if (event.pointerType === "touch") return;
  const index = tokenAt(event.target);
  useSelection.getState().hover(index === null ? null : { answerId, index }, "text");
}

function selectAt(answerId: string, target: EventTarget): void {
  // Text that is being selected with the mouse is meant for the clipboard, not for the card.
  if (getSelection()?.isCollapsed === false) return;
  const index = tokenAt(target);
  const { selected, select } = useSelection.getState();
  const again = selected?.answerId === answerId && selected.index === index && selected.view === "text";
  select(index === null || again ? null : { answerId, index }, "text");
}
