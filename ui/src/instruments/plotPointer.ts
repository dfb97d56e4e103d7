/**
 * What a pointer does on a plot: hovering marks a token, a click picks it, dragging zooms, the wheel and two fingers zoom
 * and pan.
 */
import type uPlot from "uplot";
import { Pinch } from "@/instruments/pinch";
import type { Line } from "@/instruments/plotColumns";
import { type Point, useSelection } from "@/instruments/selection";
import type { XView } from "@/instruments/xView";

/** Listens on a plot; returns the undoing of it. */
export function attachPointer(plot: uPlot, view: XView, lines: () => readonly Line[]): () => void {
  const { over } = plot;
  const undo: (() => void)[] = [];
  const on = <K extends keyof HTMLElementEventMap>(
    name: K,
    handler: (event: HTMLElementEventMap[K]) => void,
    passive = true,
  ) => {
    over.addEventListener(name, handler, { passive });
    undo.push(() => over.removeEventListener(name, handler));
  };
  const place = (event: MouseEvent) => event.clientX - over.getBoundingClientRect().left;
  const pointAt = (event: MouseEvent) => {
    const { left, top } = over.getBoundingClientRect();
    return nearest(plot, lines(), event.clientX - left, event.clientY - top);
  };

  let panFrom: number | null = null;
  let moved = false;
  const pinch = new Pinch();
  on("pointerdown", (event) => {
    moved = pinch.active;
    if (event.pointerType === "touch") pinch.down(event.pointerId, place(event));
    panFrom = event.shiftKey ? place(event) : null;
    if (panFrom !== null) over.setPointerCapture(event.pointerId);
  });
  on("pointermove", (event) => {
    if (event.buttons && Math.abs(event.movementX) > 0) moved = true;
    if (panFrom !== null) {
      const now = place(event);
      view.pan((panFrom - now) / over.clientWidth);
      panFrom = now;
      return;
    }
    if (event.pointerType === "touch") {
      const shown = pinch.move(event.pointerId, place(event), view.range, over.clientWidth);
      if (shown) {
        moved = true;
        view.show(...shown);
      }
    } else useSelection.getState().hover(pointAt(event), "timeline");
  });
  const lift = ({ pointerId }: PointerEvent) => {
    panFrom = null;
    pinch.up(pointerId);
  };
  on("pointerup", lift);
  on("pointercancel", lift);
  on("pointerleave", () => useSelection.getState().hover(null, "timeline"));
  on("click", (event) => {
    if (!moved && !event.shiftKey) useSelection.getState().select(pointAt(event), "timeline");
  });
  on("dblclick", () => view.reset());
  on(
    "wheel",
    (event) => {
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      // A page that scrolls past must not be caught: plain vertical wheeling zooms only with Ctrl, or once zoomed in.
      if (sideways !== 0 && Math.abs(sideways) >= Math.abs(event.deltaY))
        view.pan(sideways / over.clientWidth);
      else if (event.ctrlKey || event.metaKey || view.zoomed)
        view.zoom(1.0015 ** event.deltaY, plot.posToVal(place(event), "x"));
      else return;
      event.preventDefault();
    },
    false,
  );

  const onSelect = () => {
    const { left, width } = plot.select;
    if (width > 4 && panFrom === null) view.show(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  };
  plot.hooks.setSelect = [...(plot.hooks.setSelect ?? []), onSelect];
  return () => {
    for (const step of undo) step();
  };
}

/** The token at a place: the one of the line that passes closest, where several answers are drawn. */
function nearest(plot: uPlot, lines: readonly Line[], left: number, top: number): Point | null {
  const x = Math.round(plot.posToVal(left, "x"));
  let best: { point: Point; distance: number } | null = null;
  for (const { answer, series, anchor } of lines) {
    const index = x + anchor;
    const value = series.raw[index];
    if (value === undefined) continue;
    const distance = Math.abs(plot.valToPos(value, "y") - top);
    if (!best || distance < best.distance) best = { point: { answerId: answer.id, index }, distance };
  }
  return best?.point ?? null;
}
