/** What a token says of itself: a preview beside it while pointing, which lets the pointer through; once picked, its card. */
import { autoUpdate, flip, offset, shift, size, useFloating } from "@floating-ui/react-dom";
import { type ComponentProps, type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useSelection, type View } from "@/instruments/selection";
import { TokenCard } from "@/instruments/TokenCard";
import { TokenPreview } from "@/instruments/TokenPreview";
import { useMedia } from "@/kit/media";
import { visible } from "@/lib/format";
import type { Answer, OnFork } from "@/types";

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

/** Where fingers point, or there is no room beside a word, the card is a sheet from below. */
const SHEET = "(max-width: 639px), (hover: none) and (pointer: coarse)";

export function TokenPopover(props: TokenPopoverProps) {
  const { answer, point, anchor, home } = props;
  const sheet = useMedia(SHEET);
  const token = answer.tokens[point.index];
  const close = () => {
    const inside = document.activeElement?.closest("[data-token-card]");
    const { select, hover } = useSelection.getState();
    if (point.pinned) select(null, "text");
    else hover(null, "text");
    if (inside) home()?.focus({ preventScroll: true });
  };
  useCloseOutside(point.pinned);
  useEscape(point.pinned, close);
  if (!token) return null;
  const name = `Token ${point.index + 1}: ${visible(token.text)}`;
  if (!point.pinned) {
    return (
      <Beside anchor={anchor} role="tooltip" aria-label={name} className="pointer-events-none w-[272px]">
        <TokenPreview token={token} />
      </Beside>
    );
  }
  const card = <TokenCard key={point.index} {...props} index={point.index} onClose={close} />;
  return sheet ? (
    <Sheet anchor={anchor} index={point.index} name={name}>
      {card}
    </Sheet>
  ) : (
    <Beside anchor={anchor} role="dialog" aria-label={name} data-token-card className="w-[344px]">
      {card}
    </Beside>
  );
}

/** Keeps what is beside a token within the window: where it is too tall for that, it scrolls. */
const fit = size({
  padding: 8,
  apply: ({ availableHeight, elements }) =>
    elements.floating.style.setProperty("--room", `${Math.max(160, availableHeight)}px`),
});

/** Below the line that the token is in, or above it: the line itself stays to be read. */
function Beside({ anchor, className, ...rest }: { anchor: () => Element | null } & ComponentProps<"div">) {
  const { refs, floatingStyles } = useFloating({
    placement: "bottom-start",
    strategy: "fixed",
    middleware: [offset(4), flip({ padding: 8, fallbackStrategy: "bestFit" }), shift({ padding: 8 }), fit],
    whileElementsMounted: (reference, floating, update) =>
      autoUpdate(reference, floating, update, { layoutShift: false }),
  });
  const at = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const element = anchor();
    if (element === at.current) return;
    at.current = element;
    refs.setReference(element && { contextElement: element, getBoundingClientRect: () => lineOf(element) });
  });
  return createPortal(
    <div
      {...rest}
      ref={refs.setFloating}
      style={floatingStyles}
      className={`z-50 max-w-[calc(100vw-16px)] rounded-lg border border-line bg-raised text-ink shadow-float ${className}`}
    />,
    document.body,
  );
}

/** The box of the token and, up and down, of the line that it is in. */
function lineOf(element: Element): DOMRect {
  const all = [...element.getClientRects()];
  // The space before a word that begins a line hangs at the end of the line above.
  const widest = Math.max(...all.map(({ width }) => width));
  const rects = all.filter(({ width }) => width >= widest / 2);
  const [first, last] = [rects[0], rects.at(-1)];
  if (!first || !last) return element.getBoundingClientRect();
  const { display, lineHeight } = getComputedStyle(element);
  const lead = display === "inline" ? Math.max(0, (Number.parseFloat(lineHeight) - last.height) / 2 || 0) : 0;
  return new DOMRect(first.x, first.top - lead, first.width, last.bottom - first.top + 2 * lead);
}

interface SheetProps {
  anchor: () => Element | null;
  index: number;
  name: string;
  children: ReactNode;
}

/** From below, over the rest of the page but for the token's line, which is scrolled above it. */
function Sheet({ anchor, index, name, children }: SheetProps) {
  const sheet = useRef<HTMLDivElement>(null);
  const latest = useRef(anchor);
  latest.current = anchor;
  // Another token has another line.
  useLayoutEffect(() => uncover(latest.current(), sheet.current), [index]);
  return createPortal(
    <div
      ref={sheet}
      role="dialog"
      aria-label={name}
      data-token-card
      className="sheet fixed inset-x-0 bottom-0 z-50 max-h-[58dvh] overflow-y-auto overscroll-contain rounded-t-xl border-t border-line bg-raised px-2 pb-[env(safe-area-inset-bottom)] text-ink shadow-float"
    >
      {children}
    </div>,
    anchor()?.closest("[data-modal]") ?? document.body,
  );
}

/** Scrolls a token above the sheet, with room to scroll where its box has none; returns the undoing of the room. */
function uncover(token: Element | null, sheet: Element | null): (() => void) | undefined {
  const box = scrollerOf(token);
  if (!token || !sheet || !box) return;
  const { bottom } = lineOf(token);
  const hidden = bottom + 12 - (innerHeight - sheet.clientHeight);
  if (hidden <= 0) return;
  const spare = box.scrollHeight - box.clientHeight - box.scrollTop;
  if (hidden > spare) box.style.paddingBottom = `${hidden - spare}px`;
  box.scrollTop += hidden;
  return () => {
    box.style.paddingBottom = "";
  };
}

function scrollerOf(element: Element | null): HTMLElement | null {
  for (let at = element?.parentElement; at; at = at.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  }
  return null;
}

/** Escape closes; what is pinned keeps the key to itself, so that it does not stop an answer, too. */
function useEscape(pinned: boolean, close: () => void): void {
  const latest = useRef(close);
  latest.current = close;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      if (pinned) event.preventDefault();
      latest.current();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [pinned]);
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
