/**
 * An answer as running text in which every token can be pointed at. One set of handlers serves all tokens, and marks are
 * set on the element itself, so that thousands of them stay light.
 */
import { type CSSProperties, useEffect, useId, useLayoutEffect, useMemo, useRef } from "react";
import { onTokenKey } from "@/instruments/keys";
import { cutParagraphs, type Paragraph, type Section, sectionsOf } from "@/instruments/paragraphs";
import { pointWithin } from "@/instruments/pointer";
import { markedIn, useSelection } from "@/instruments/selection";
import { TokenPopover, useCardPoint } from "@/instruments/TokenPopover";
import { SectionView } from "@/instruments/TokenRuns";
import { shownTokens } from "@/instruments/thoughts";
import { visible, withUnit } from "@/lib/format";
import { type ColourBy, isMeasure } from "@/lib/metrics";
import { QUADRANTS } from "@/lib/quadrants";
import { type Domain, domainOf, rampProperties } from "@/lib/scales";
import { underWay } from "@/store/status";
import type { Answer, OnFork, TokenRecord } from "@/types";
import "./instruments.css";

export interface TokenTextProps {
  answer: Answer;
  colourBy: ColourBy;
  /** Continue from a token with another one in its place; without it, cards offer no forks. */
  onFork?: OnFork | undefined;
  /** Which of its tokens are shown; all without it. */
  from?: number;
  end?: number;
}

const RAMP = rampProperties() as CSSProperties;

export function TokenText({
  answer,
  colourBy,
  onFork,
  from = 0,
  end = answer.tokens.length,
}: TokenTextProps) {
  const { id } = answer;
  const tokens = useMemo(() => shownTokens(answer.tokens, end), [answer.tokens, end]);
  const root = useRef<HTMLDivElement>(null);
  const hint = useId();
  const sections = useSections(tokens, from);
  const domain = useDomain(answer.tokens, colourBy);
  const lit = useSelection((state) => (state.lit?.answerId === id ? state.lit.quadrant : undefined));
  const card = useCardPoint(id, "text");
  useMarks(root, answer);

  const growing = underWay(answer) && end === answer.tokens.length;
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
        onPointerMove={(event) => pointWithin(event, id, "text")}
        onPointerLeave={() => useSelection.getState().hover(null, "text")}
        onClick={(event) => selectAt(id, event.target)}
        onKeyDown={(event) => onTokenKey(event, answer, "text")}
      >
        {sections.map((section, i) => (
          <SectionView
            key={section.start}
            tokens={tokens}
            section={section}
            colourBy={colourBy}
            domain={domain}
            caret={growing && i === sections.length - 1}
          />
        ))}
        {growing && tokens.length === 0 && <span className="tokens-caret" />}
      </div>
      <p id={hint} className="sr-only">
        Arrow keys go from token to token, with Shift to the next uncertain one. Enter opens the token's card,
        Escape closes it.
      </p>
      <Announcer answer={answer} />
      {card !== null && card.index >= from && card.index < end && (
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

function useSections(tokens: readonly TokenRecord[], from: number): Section[] {
  const last = useRef<{ tokens: readonly TokenRecord[]; paragraphs: Paragraph[] }>({
    tokens: [],
    paragraphs: [],
  });
  const paragraphs = useMemo(
    () => cutParagraphs(tokens, last.current.paragraphs, last.current.tokens, from),
    [tokens, from],
  );
  useLayoutEffect(() => {
    last.current = { tokens, paragraphs };
  }, [tokens, paragraphs]);
  return useMemo(() => sectionsOf(paragraphs), [paragraphs]);
}

/** The scale of the shown measure; the same object until its ends move, so that unchanged paragraphs stay as they are. */
function useDomain(tokens: readonly TokenRecord[], colourBy: ColourBy): Domain | null {
  const last = useRef<Domain | null>(null);
  const domain = useMemo(() => (isMeasure(colourBy) ? domainOf(colourBy, tokens) : null), [tokens, colourBy]);
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
    let marked: readonly Element[] = [];
    let at: number | null = null;
    let picked: unknown = null;
    const update = (state = useSelection.getState()) => {
      const index = markedIn(state, id);
      if (index !== at || marked.some((element) => !element.isConnected)) {
        at = index;
        for (const element of marked) element.removeAttribute("data-mark");
        marked = index === null ? [] : [...(root.current?.querySelectorAll(`[data-i="${index}"]`) ?? [])];
        for (const element of marked) element.setAttribute("data-mark", "");
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

function selectAt(answerId: string, target: EventTarget): void {
  // Text that is being selected with the mouse is meant for the clipboard, not for the card.
  if (getSelection()?.isCollapsed === false) return;
  const index = tokenAt(target);
  const { selected, select } = useSelection.getState();
  const again = selected?.answerId === answerId && selected.index === index && selected.view === "text";
  select(index === null || again ? null : { answerId, index }, "text");
}
