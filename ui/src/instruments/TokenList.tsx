/** The answer as a list, a token a row: what the text tells by colour, in glyphs and numbers. */

import { useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import { memo, useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Glyph } from "@/instruments/Glyph";
import { onTokenKey } from "@/instruments/keys";
import { pointWithin } from "@/instruments/pointer";
import { markedIn, useSelection } from "@/instruments/selection";
import { TokenPopover, useCardPoint } from "@/instruments/TokenPopover";
import { inTurns } from "@/instruments/turns";
import { brief, probability, visible } from "@/lib/format";
import { QUADRANTS } from "@/lib/quadrants";
import { uncertain } from "@/lib/tint";
import { underWay } from "@/store/status";
import type { Answer, OnFork, TokenRecord } from "@/types";

export interface TokenListProps {
  answer: Answer;
  onFork?: OnFork | undefined;
}

const ROW_HEIGHT = 28;
/** The last column, varentropy, is left out where there is no room for it. */
const COLUMNS =
  "grid items-center gap-2 px-3 grid-cols-[2.5rem_1rem_minmax(0,1fr)_4rem_3rem] @sm:grid-cols-[2.75rem_1rem_minmax(0,1fr)_4.5rem_3.25rem_3.25rem] [&>:last-child]:hidden @sm:[&>:last-child]:block";

export const TokenList = inTurns(function TokenList({ answer, onFork }: TokenListProps) {
  const { id, tokens } = answer;
  const [onlyUncertain, setOnlyUncertain] = useState(false);
  const rows = useMemo(() => rowsOf(tokens, onlyUncertain), [tokens, onlyUncertain]);
  const scroller = useRef<HTMLDivElement>(null);
  const prefix = useId();
  const marked = useSelection((state) => markedIn(state, id));
  const lit = useSelection((state) => (state.lit?.answerId === id ? state.lit.quadrant : null));
  const card = useCardPoint(id, "list");
  const [tellOffset, observeElementOffset] = useOffset();
  const virtual = useVirtualizer<HTMLDivElement, HTMLDivElement>({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 6,
    useFlushSync: false,
    observeElementOffset,
  });
  const items = virtual.getVirtualItems();
  useFollow(answer, rows.length, scroller, (height) =>
    tellOffset(Math.max(0, height - (virtual.scrollRect?.height ?? 0))),
  );
  useShowPicked(id, rows, virtual.scrollToIndex);

  return (
    <section
      className="@container flex h-full min-h-0 flex-col text-[13px]"
      aria-label={`Tokens of ${answer.label}`}
    >
      <label className="flex items-center gap-2 px-3 py-2 text-muted">
        <input
          type="checkbox"
          className="accent-(--accent)"
          checked={onlyUncertain}
          onChange={(event) => setOnlyUncertain(event.target.checked)}
        />
        Only where the model hesitated
      </label>
      <div className={`${COLUMNS} border-b border-line pb-1 text-xs text-faint`} aria-hidden>
        <span className="text-right">#</span>
        <span />
        <span>token</span>
        <span className="text-right">chance</span>
        <span className="text-right">bits</span>
        <span className="text-right">bits²</span>
      </div>
      {rows.length === 0 && (
        <p className="p-3 text-muted">
          {tokens.length === 0
            ? "The first token has not arrived yet."
            : "The model was sure of every token here."}
        </p>
      )}
      <div
        ref={scroller}
        className="min-h-0 flex-1 overflow-y-auto outline-offset-[-2px]"
        role="listbox"
        tabIndex={0}
        aria-label={`Tokens of ${answer.label}`}
        aria-activedescendant={marked === null ? undefined : `${prefix}-${marked}`}
        onKeyDown={(event) => onTokenKey(event, answer, "list", rows)}
        onPointerMove={(event) => pointWithin(event, id, "list")}
        onPointerLeave={() => useSelection.getState().hover(null, "list")}
      >
        <div className="relative" style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index: row, start }) => {
            const index = rows[row] as number;
            const token = tokens[index] as TokenRecord;
            return (
              <Row
                key={index}
                id={`${prefix}-${index}`}
                token={token}
                index={index}
                top={start}
                marked={marked === index}
                lit={lit !== null && token.quadrant === lit}
                answerId={id}
              />
            );
          })}
        </div>
      </div>
      {card !== null && (
        <TokenPopover
          answer={answer}
          point={card}
          onFork={onFork}
          anchor={() => document.getElementById(`${prefix}-${card.index}`)}
          home={() => scroller.current}
        />
      )}
    </section>
  );
});

interface RowProps {
  id: string;
  token: TokenRecord;
  index: number;
  top: number;
  marked: boolean;
  lit: boolean;
  answerId: string;
}

const Row = memo(function Row({ id, token, index, top, marked, lit, answerId }: RowProps) {
  const quadrant = token.quadrant && QUADRANTS[token.quadrant];
  const { select } = useSelection.getState();
  const label = [
    visible(token.text || token.token),
    quadrant?.name ?? "plain sampler",
    probability(token.logprob),
    `entropy ${brief(token.logits_entropy)} bits`,
  ].join(", ");
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the listbox handles the keys
    // biome-ignore lint/a11y/useFocusableInteractive: the listbox keeps the focus and names its active option
    <div
      id={id}
      role="option"
      aria-selected={marked}
      aria-label={label}
      data-i={index}
      className={`absolute inset-x-0 ${COLUMNS} ${marked ? "bg-accent/15" : ""}`}
      style={{
        top,
        height: ROW_HEIGHT,
        boxShadow: lit && quadrant ? `inset 3px 0 var(${quadrant.colour})` : undefined,
      }}
      onClick={() => select({ answerId, index }, "list")}
    >
      <span className="num text-right text-faint">{index + 1}</span>
      <span
        className="num text-center font-semibold"
        style={quadrant ? { color: `var(${quadrant.colour})` } : undefined}
      >
        {token.forced ? "↳" : quadrant && <Glyph of={quadrant.name} />}
      </span>
      <code className="num overflow-clip text-ellipsis whitespace-nowrap">
        {visible(token.text || token.token)}
      </code>
      <Chance logprob={token.logprob} />
      <span className="num text-right">{brief(token.logits_entropy)}</span>
      <span className="num text-right">{brief(token.logits_varentropy)}</span>
    </div>
  );
});

/** The number over a bar of its length, drawn as a background: a list of thousands has no elements to spare. */
function Chance({ logprob }: { logprob: number }) {
  const share = Number.isFinite(logprob) ? Math.exp(logprob) : 0;
  return (
    <span className="token-chance num pr-1 text-right" style={{ backgroundSize: `${100 * share}% 20px` }}>
      {probability(logprob)}
    </span>
  );
}

/** The indices of the tokens to list. */
function rowsOf(tokens: readonly TokenRecord[], onlyUncertain: boolean): number[] {
  const rows: number[] = [];
  tokens.forEach((token, index) => {
    if (!onlyUncertain || uncertain(token)) rows.push(index);
  });
  return rows;
}

/** How the virtualizer learns where the list is scrolled to, and how to tell it before the list is. */
function useOffset() {
  const tell = useRef<((offset: number, isScrolling: boolean) => void) | null>(null);
  const observe = useCallback(
    (
      { scrollElement }: Virtualizer<HTMLDivElement, HTMLDivElement>,
      tellVirtualizer: (offset: number, isScrolling: boolean) => void,
    ) => {
      if (!scrollElement) return;
      tell.current = tellVirtualizer;
      const onScroll = () => tellVirtualizer(scrollElement.scrollTop, false);
      scrollElement.addEventListener("scroll", onScroll, { passive: true });
      return () => scrollElement.removeEventListener("scroll", onScroll);
    },
    [],
  );
  return [(offset: number) => tell.current?.(offset, false), observe] as const;
}

/**
 * Keeps the end in view while the answer streams, unless the reader scrolled away. The rows there are drawn first (`onEnd`
 * is told the height of all); the list scrolls once the browser has laid them out, which it would else do twice.
 */
function useFollow(
  answer: Answer,
  count: number,
  scroller: React.RefObject<HTMLDivElement | null>,
  onEnd: (height: number) => void,
): void {
  const atEnd = useRef(true);
  // What streamed once is followed to its last token, which may come with its end.
  const streamed = useRef(false);
  streamed.current ||= underWay(answer);
  useEffect(() => {
    const element = scroller.current;
    const content = element?.firstElementChild;
    if (!element || !content) return;
    const onScroll = () => {
      atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < ROW_HEIGHT * 2;
    };
    element.addEventListener("scroll", onScroll, { passive: true });
    const grown = new ResizeObserver(() => {
      if (streamed.current && atEnd.current) element.scrollTop = element.scrollHeight;
    });
    grown.observe(content);
    return () => {
      element.removeEventListener("scroll", onScroll);
      grown.disconnect();
    };
  }, [scroller]);

  const tell = useRef(onEnd);
  tell.current = onEnd;
  useLayoutEffect(() => {
    if (streamed.current && atEnd.current) tell.current(count * ROW_HEIGHT);
  }, [count]);
}

/** Brings a token that was picked elsewhere into view. */
function useShowPicked(
  answerId: string,
  rows: readonly number[],
  scrollToIndex: (row: number, options?: { align?: "auto" }) => void,
): void {
  const shown = useRef(rows);
  shown.current = rows;
  useEffect(
    () =>
      useSelection.subscribe(({ selected }, { selected: before }) => {
        if (selected === before || selected?.answerId !== answerId) return;
        const row = shown.current.indexOf(selected.index);
        if (row >= 0) scrollToIndex(row, { align: "auto" });
      }),
    [answerId, scrollToIndex],
  );
}
