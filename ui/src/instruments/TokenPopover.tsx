/** The card beside its token: a preview that lets the pointer through while hovering, a real one once picked. */
import { autoUpdate, flip, offset, shift, size, useFloating } from "@floating-ui/react-dom";
import { useEffect, useLayoutEffect, useState } from "react";
import { createPortal } from "react-dom";
import { useSelection, type View } from "@/instruments/selection";
import { TokenCard } from "@/instruments/TokenCard";
import type { OnFork } from "@/instruments/TokenText";
import { visible } from "@/lib/format";
import type { Answer } from "@/types";

export interface CardPoint {
  index: number;
  /** Picked by click, tap or keys, as opposed to hovered. */
  pinned: boolean;
}

/** A pointer that only passes over opens nothing. */
const HOVER_DELAY_MS = 110;

/** The token whose card a view shows: the one picked in it, else the one hovered in it for a moment. */
export function useCardPoint(answerId: string, view: View): CardPoint | null {
  const pinned = useSelection(({ selected }) =>
    selected?.answerId === answerId && selected.view === view ? selected.index : null,
  );
  const hovered = useSelection((state) =>
    state.hovered?.answerId === answerId && state.hovered.view === view ? state.hovered.index : null,
  );
  const [shown, setShown] = useState<number | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setShown(hovered), hovered === null ? 0 : HOVER_DELAY_MS);
    return () => clearTimeout(timer);
  }, [hovered]);
  if (pinned !== null) return { index: pinned, pinned: true };
  return shown !== null && hovered !== null ? { index: shown, pinned: false } : null;
}

export interface TokenPopoverProps {
  answer: Answer;
  point: CardPoint;
  onFork?: OnFork | undefined;
  /** The element that the card points at; it may be rendered anew at any time. */
  anchor: () => Element | null;
  /** Where the focus goes when the card is closed by key. */
  home: () => HTMLElement | null;
}

/** Keeps the card within the window: where it is too tall for that, it scrolls. */
const fit = size({
  padding: 8,
  apply: ({ availableHeight, elements }) =>
    elements.floating.style.setProperty("--room", `${Math.max(160, availableHeight)}px`),
});

export function TokenPopover({ answer, point, onFork, anchor, home }: TokenPopoverProps) {
  const token = answer.tokens[point.index];
  const { refs, floatingStyles } = useFloating({
    placement: "bottom-start",
    strategy: "fixed",
    middleware: [offset(8), flip({ padding: 8, fallbackStrategy: "bestFit" }), shift({ padding: 8 }), fit],
    whileElementsMounted: (reference, floating, update) =>
      autoUpdate(reference, floating, update, { layoutShift: false }),
  });
  useLayoutEffect(() => {
    refs.setReference(anchor());
  });
  useCloseOutside(point.pinned);
  if (!token) return null;

  const close = () => {
    useSelection.getState().select(null, "text");
    home()?.focus({ preventScroll: true });
  };
  return createPortal(
    // biome-ignore lint/a11y/noStaticElementInteractions: a dialog or a tooltip, by its role below
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles take a name
    <div
      ref={refs.setFloating}
      style={floatingStyles}
      data-token-card
      role={point.pinned ? "dialog" : "tooltip"}
      aria-label={`Token ${point.index + 1}: ${visible(token.text)}`}
      className={`z-50 w-[344px] max-w-[calc(100vw-16px)] rounded-lg border border-line bg-raised text-ink shadow-float ${
        point.pinned ? "" : "pointer-events-none"
      }`}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <TokenCard
        key={point.index}
        answer={answer}
        index={point.index}
        onFork={onFork}
        onClose={close}
        pinned={point.pinned}
      />
    </div>,
    document.body,
  );
}

/** A press outside of the card and of the tokens puts a picked token down. */
function useCloseOutside(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const onPress = ({ target }: Event) => {
      if (target instanceof Element && !target.closest("[data-token-card], [data-i], .plot"))
        useSelection.getState().select(null, "text");
    };
    document.addEventListener("pointerdown", onPress);
    return () => document.removeEventListener("pointerdown", onPress);
  }, [active]);
}
