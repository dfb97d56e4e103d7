/** One measure of one or more answers over their tokens, on a canvas, linked with the shared selection. */
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import uPlot from "uplot";
import { type Palette, usePalette } from "@/instruments/palette";
import { type Line, PlotColumns } from "@/instruments/plotColumns";
import { type Decoration, decorate, LABEL_ROOM, RIBBON_ROOM, yRange } from "@/instruments/plotDrawing";
import { attachPointer } from "@/instruments/plotPointer";
import { markedIn, useSelection } from "@/instruments/selection";
import type { XView } from "@/instruments/xView";
import { grouped, ticks } from "@/lib/format";
import type { Measure } from "@/lib/metrics";
import "uplot/dist/uPlot.min.css";
import "./instruments.css";

export interface MetricPlotProps {
  measure: Measure;
  lines: Line[];
  view: XView;
  height: number;
  average: boolean;
  slope: boolean;
  /** Numbers of tokens under the plot. */
  xLabels: boolean;
  decoration: Decoration;
  /** What the plot shows, for a reader who does not see it. */
  label: string;
}

const AXIS_WIDTH = 46;

export function MetricPlot(props: MetricPlotProps) {
  const { measure, lines, view, height, average, slope, xLabels, label } = props;
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [columns] = useState(() => new PlotColumns());
  const palette = usePalette();
  const latest = useRef({ ...props, palette });
  latest.current = { ...props, palette };

  // Made anew only when its lines change in kind; data, colours and decoration are read as they are at each drawing.
  const shape = [measure, lines.length, average, slope, xLabels, height, !props.decoration.ribbon].join();
  useLayoutEffect(() => {
    const element = holder.current;
    if (!element) return;
    const made = new uPlot(options(latest, element.clientWidth), [[], []], element);
    plot.current = made;
    const detach = attachPointer(made, view, () => latest.current.lines);
    const resized = new ResizeObserver(() => {
      if (element.clientWidth > 0) made.setSize({ width: element.clientWidth, height });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      detach();
      made.destroy();
      plot.current = null;
    };
  }, [shape, view]);

  useLayoutEffect(() => {
    const made = plot.current;
    if (!made) return;
    const data = columns.update(lines, average, slope);
    const apply = () => {
      const [min, max] = view.range;
      made.setScale("x", { min, max });
    };
    made.batch(() => {
      made.setData(data, false);
      apply();
    });
    return view.subscribe(apply);
  });

  useEffect(() => plot.current?.redraw(false, true), [palette]);

  useEffect(() => {
    const update = (state = useSelection.getState()) => {
      const made = plot.current;
      if (made) pointTo(made, latest.current.lines, state);
    };
    return useSelection.subscribe(update);
  }, []);

  return <div ref={holder} className="plot" role="img" aria-label={label} style={{ height }} />;
}

type Latest = { current: MetricPlotProps & { palette: Palette } };

function options(latest: Latest, width: number): uPlot.Options {
  const { measure, height, xLabels, lines, average, slope, decoration } = latest.current;
  const colour = (pick: (palette: Palette) => string) => () => pick(latest.current.palette);
  const font = `11px ${latest.current.palette.mono}`;
  const axis = { stroke: colour(({ faint }) => faint), font, ticks: { show: false } };
  const grid = { stroke: colour(({ line }) => line), width: 1 };
  const lineColour = (i: number) => () => resolve(latest.current.lines[i]?.colour ?? "var(--ink)");
  return {
    width: Math.max(width, 80),
    height,
    legend: { show: false },
    // The ribbon has its room above the plot, the names of the thresholds theirs to the right.
    padding: [decoration.ribbon ? RIBBON_ROOM : 8, slope ? 0 : LABEL_ROOM, xLabels ? 0 : 4, 0],
    cursor: { drag: { x: true, y: false, setScale: false }, y: false, points: { size: 6 } },
    scales: {
      x: { time: false, range: (_, min, max) => [min, max] },
      y: { range: (_, min, max) => yRange(measure, min, max, latest.current.decoration) },
      slope: { range: (_, min, max) => symmetric(min, max) },
    },
    axes: [
      {
        ...axis,
        grid: { ...grid, show: false },
        size: xLabels ? 26 : 0,
        show: xLabels,
        gap: 4,
        values: tokenNumbers,
      },
      { ...axis, grid, size: AXIS_WIDTH, gap: 6, space: 28, values: (_, splits) => ticks(splits) },
      ...(slope
        ? [
            {
              ...axis,
              scale: "slope",
              side: 1 as const,
              size: AXIS_WIDTH,
              gap: 6,
              space: 28,
              grid: { show: false },
              values: (_: uPlot, splits: number[]) => ticks(splits),
            },
          ]
        : []),
    ],
    series: [
      {},
      ...lines.flatMap((line, i): uPlot.Series[] => [
        {
          stroke: lineColour(i),
          width: 1,
          alpha: average ? 0.35 : 1,
          dash: line.dash ?? [],
          points: { show: false },
        },
        ...(average
          ? [{ stroke: lineColour(i), width: 2, dash: line.dash ?? [], points: { show: false } }]
          : []),
        ...(slope
          ? [{ stroke: lineColour(i), width: 1, dash: [2, 3], scale: "slope", points: { show: false } }]
          : []),
      ]),
    ],
    hooks: { draw: [(plot) => decorate(plot, latest.current.decoration, latest.current.palette)] },
  };
}

/** Whole token numbers, counted from 1 where the axis starts at an answer's first token. */
function tokenNumbers(_: uPlot, splits: number[]): string[] {
  return splits.map((value) => (Number.isInteger(value) ? grouped(value) : ""));
}

function symmetric(min: number | null, max: number | null): [number, number] {
  const reach = Math.max(Math.abs(min ?? 0), Math.abs(max ?? 0)) || 1;
  return [-reach, reach];
}

/** A colour that may be a custom property, as the canvas needs it. */
export function resolve(colour: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(colour)?.[1];
  return name ? getComputedStyle(document.documentElement).getPropertyValue(name).trim() : colour;
}

/** Puts the plot's cursor on the marked token, or takes it away. */
function pointTo(plot: uPlot, lines: readonly Line[], state: Parameters<typeof markedIn>[0]): void {
  for (const { answer, anchor } of lines) {
    const index = markedIn(state, answer.id);
    if (index === null) continue;
    const left = plot.valToPos(index - anchor, "x");
    // The box is in the canvas's pixels; asking the element for its size would force a layout at every move.
    const inside = left >= 0 && left <= plot.bbox.width / devicePixelRatio;
    plot.setCursor(inside ? { left, top: 1 } : { left: -10, top: -10 }, false);
    return;
  }
  plot.setCursor({ left: -10, top: -10 }, false);
}
