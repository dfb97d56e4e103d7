/**
 * Pointing at a token takes a pointer that moves. Browsers also say that a pointer is over something when text grew or
 * scrolled under it while it rested: nothing may open by that.
 */
import type { PointerEvent } from "react";
import { useSelection, type View } from "@/instruments/selection";

let rest = { x: Number.NaN, y: Number.NaN };
let byHand = false;
/** What is pointed at: once it is scrolled, the pointer is over something else. */
let held: Element | null = null;

document.addEventListener(
  "pointermove",
  ({ screenX: x, screenY: y }) => {
    byHand = x !== rest.x || y !== rest.y;
    rest = { x, y };
  },
  { capture: true, passive: true },
);
document.addEventListener(
  "scroll",
  ({ target }) => {
    if (!held || !(target instanceof Node) || !target.contains(held)) return;
    held = null;
    const { hovered, hover } = useSelection.getState();
    if (hovered) hover(null, hovered.view);
  },
  { capture: true, passive: true },
);

/** Whether a pointer that can hover was moved: a finger cannot, its tap selects. */
export function movedByHand({ pointerType }: PointerEvent): boolean {
  return byHand && pointerType !== "touch";
}

/** Hovers the token under a pointer that has moved, in a view whose tokens are elements. */
export function pointWithin(event: PointerEvent, answerId: string, view: View): void {
  if (!movedByHand(event)) return;
  held = event.target instanceof Element ? event.target.closest("[data-i]") : null;
  const index = Number(held?.getAttribute("data-i"));
  useSelection.getState().hover(held && { answerId, index }, view);
}
