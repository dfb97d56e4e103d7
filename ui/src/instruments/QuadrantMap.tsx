/** Entropy against varentropy, a point a token, over the regions of the config's quadrants. */

import { type PointerEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { Glyph } from "@/instruments/Glyph";
import { onTokenKey } from "@/instruments/keys";
import { drawGround, drawPoints, type Plane, toX, toY } from "@/instruments/mapDrawing";
import { type Palette, usePalette } from "@/instruments/palette";
import { AnswerPicker, usePicked } from "@/instruments/plotControls";
import { movedByHand } from "@/instruments/pointer";
import { markedIn, useSelection } from "@/instruments/selection";
import { TokenPopover, useCardPoint } from "@/instruments/TokenPopover";
import { inTurns } from "@/instruments/turns";
import { type Conditions, readConditions } from "@/lib/conditions";
import { phraseOf } from "@/lib/facts";
import { grouped, percent, plural } from "@/lib/format";
import { axisOf } from "@/lib/plane";
import { QUADRANTS, shares } from "@/lib/quadrants";
import type { Answer, OnFork, QuadrantName } from "@/types";
import "./instruments.css";

export interface QuadrantMapProps {
  /** The first is shown; with several, a picker says which. */
  answers: Answer[];
  onFork?: OnFork | undefined;
}

/** How near to a point the pointer has to be, in CSS pixels. */
const REACH = 14;

export function QuadrantMap({ answers, onFork }: QuadrantMapProps) {
  const [answer, pick] = usePicked(answers);
  if (!answer)
    return (
      <p className="p-4 text-sm text-muted">Ask something: its tokens are mapped here as they arrive.</p>
    );
  return (
    <section className="flex flex-col gap-3 p-3" aria-label="Quadrant map">
      <AnswerPicker answers={answers} answer={answer} onPick={pick} />
      <Plot key={answer.id} answer={answer} onFork={onFork} />
    </section>
  );
}

const Plot = inTurns(function Plot({ answer, onFork }: { answer: Answer; onFork?: OnFork | undefined }) {
  const { id, tokens } = answer;
  const holder = useRef<HTMLDivElement>(null);
  const ring = useRef<HTMLDivElement>(null);
  const width = useWidth(holder);
  const conditions = useMemo(() => readConditions(answer.config), [answer.config]);
  const lit = useSelection((state) => (state.lit?.answerId === id ? state.lit.quadrant : null));
  const card = useCardPoint(id, "map");
  const plane = usePlane(answer, conditions, width);
  useRing(ring, answer, plane);

  const pointAt = (event: PointerEvent) => {
    const index = nearest(answer, plane, event);
    return index === null ? null : { answerId: id, index };
  };
  const { hover, select } = useSelection.getState();
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a drawing that takes keys, not a form */}
      <div
        ref={holder}
        className="plot w-full rounded-md outline-offset-2"
        style={{ height: plane.height }}
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys walk through the tokens from here
        tabIndex={0}
        aria-label={`Map of ${plural(tokens.length, "token")}. Arrow keys go from token to token; the counts are in the list below.`}
        onPointerMove={(event) => movedByHand(event) && hover(pointAt(event), "map")}
        onPointerLeave={() => hover(null, "map")}
        onClick={(event) => select(pointAt(event as unknown as PointerEvent), "map")}
        onKeyDown={(event) => onTokenKey(event, answer, "map")}
      >
        {width > 0 && <Ground plane={plane} conditions={conditions} />}
        {width > 0 && <Points answer={answer} plane={plane} lit={lit} />}
        <div
          ref={ring}
          className="pointer-events-none absolute top-0 left-0 -mt-[7px] -ml-[7px] size-[14px] rounded-full border-2 border-accent"
          hidden
        />
      </div>
      <Counts answer={answer} lit={lit} />
      {card !== null && (
        <TokenPopover
          answer={answer}
          point={card}
          onFork={onFork}
          anchor={() => ring.current}
          home={() => holder.current}
        />
      )}
    </>
  );
});

function Ground({ plane, conditions }: { plane: Plane; conditions: Conditions }) {
  const palette = usePalette();
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const context = prepare(canvas.current, plane);
    if (context) drawGround(context, plane, conditions, palette);
  }, [plane, conditions, palette]);
  return <canvas ref={canvas} className="absolute inset-0" aria-hidden />;
}

interface PointsProps {
  answer: Answer;
  plane: Plane;
  lit: QuadrantName | null;
}

/** While an answer grows only its new points are drawn; anything else draws all of them again. */
function Points({ answer, plane, lit }: PointsProps) {
  const palette = usePalette();
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawn = useRef<{
    plane: Plane;
    lit: QuadrantName | null;
    palette: Palette;
    first: unknown;
    last: unknown;
    count: number;
  } | null>(null);
  const { tokens } = answer;
  useLayoutEffect(() => {
    const before = drawn.current;
    const grown =
      before !== null &&
      before.plane === plane &&
      before.lit === lit &&
      before.palette === palette &&
      before.first === tokens[0] &&
      before.count > 0 &&
      before.last === tokens[before.count - 1];
    const context = grown ? canvas.current?.getContext("2d") : prepare(canvas.current, plane);
    if (!context) return;
    if (!grown) context.clearRect(0, 0, plane.width, plane.height);
    drawPoints(context, plane, tokens, grown ? before.count : 0, lit, palette);
    drawn.current = { plane, lit, palette, first: tokens[0], last: tokens.at(-1), count: tokens.length };
  }, [tokens, plane, lit, palette]);
  return <canvas ref={canvas} className="absolute inset-0" aria-hidden />;
}

function Counts({ answer, lit }: { answer: Answer; lit: QuadrantName | null }) {
  const counted = shares(answer.tokens);
  if (counted.length === 0) {
    return (
      <p className="text-sm text-muted">
        {answer.tokens.length === 0
          ? "The first token has not arrived yet."
          : "The plain sampler has no quadrants; the points show where its tokens would lie."}
      </p>
    );
  }
  return (
    <ul className="flex flex-col text-[13px]">
      {counted.map(({ name, count, share }) => (
        <li key={name}>
          <button
            type="button"
            aria-pressed={lit === name}
            onClick={() => useSelection.getState().toggleLit(answer.id, name)}
            className="grid w-full grid-cols-[1.25rem_minmax(0,1fr)_3.5rem_3.5rem] items-baseline gap-2 rounded-md px-2 py-1 text-left hover:bg-panel aria-pressed:bg-panel aria-pressed:outline-1 aria-pressed:outline-line-strong"
          >
            <span
              className="num text-center font-semibold"
              style={{ color: `var(${QUADRANTS[name].colour})` }}
            >
              <Glyph of={name} />
            </span>
            <span className="min-w-0">
              {name} <span className="text-xs text-muted">{phraseOf(name)}</span>
            </span>
            <span className="num text-right text-muted">{grouped(count)}</span>
            <span className="num text-right">{percent(share)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** The plane to draw on; the same object until its size or its axes change. */
function usePlane({ tokens }: Answer, conditions: Conditions, width: number): Plane {
  const x = axisOf(conditions, "logits_entropy", tokens);
  const y = axisOf(conditions, "logits_varentropy", tokens);
  return useMemo(
    () => ({
      width,
      height: Math.round(Math.min(Math.max(width * 0.85, 240), 420)),
      x: { knee: x.knee, max: x.max },
      y: { knee: y.knee, max: y.max },
    }),
    [width, x.knee, x.max, y.knee, y.max],
  );
}

/** Keeps the ring on the marked token. */
function useRing(ring: React.RefObject<HTMLDivElement | null>, { id, tokens }: Answer, plane: Plane): void {
  useLayoutEffect(() => {
    const update = (state = useSelection.getState()) => {
      const index = markedIn(state, id);
      const token = index === null ? undefined : tokens[index];
      if (!ring.current) return;
      ring.current.hidden = !token;
      if (token)
        ring.current.style.transform = `translate(${toX(plane, token.logits_entropy)}px, ${toY(plane, token.logits_varentropy)}px)`;
    };
    update();
    return useSelection.subscribe(update);
  }, [ring, id, tokens, plane]);
}

function useWidth(holder: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, [holder]);
  return width;
}

function nearest({ tokens }: Answer, plane: Plane, event: PointerEvent): number | null {
  const { left, top } = event.currentTarget.getBoundingClientRect();
  const px = event.clientX - left;
  const py = event.clientY - top;
  let best: number | null = null;
  let least = REACH * REACH;
  tokens.forEach((token, index) => {
    const dx = toX(plane, token.logits_entropy) - px;
    const dy = toY(plane, token.logits_varentropy) - py;
    const distance = dx * dx + dy * dy;
    if (distance <= least) {
      least = distance;
      best = index;
    }
  });
  return best;
}

/** Sizes a canvas for the screen's pixels and clears it. */
function prepare(
  canvas: HTMLCanvasElement | null,
  { width, height }: Plane,
): CanvasRenderingContext2D | null {
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return null;
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
